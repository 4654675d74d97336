"""Which answers a process is fetching, known to every process that shares the store."""

import fcntl
import os
from pathlib import Path

from stages.contract.errors import UserError


class KeyLocks:
    """One byte of one file for each key: the kernel frees it when the process ends, however it ends.

    Locks exclude processes, not parts of one process, and one process may open one `KeyLocks` a folder.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = os.open(folder / "answers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise UserError(f"{folder}: cannot hold the locks ({error.strerror}); set runtime.answers_dir") from None

    def take(self, key: str) -> bool:
        """Lock a key; False if another process has it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def give_back(self, key: str) -> None:
        """Unlock a key."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(key))

    def close(self) -> None:
        """Close the file, which unlocks every key."""
        os.close(self._file)


def _place(key: str) -> int:
    """Return the byte of a key: its first 56 bits."""
    return int(key[:14], 16)
