"""Locks that tell all processes which answers are being fetched."""

import fcntl
import os
from pathlib import Path

from stages.contract.errors import UserError


class KeyLocks:
    """One lock per key, held on one byte of one file. The kernel frees it however the process ends.

    The locks exclude other processes, not other tasks of this one. Open only one `KeyLocks` per folder in a process:
    closing any descriptor of a file frees all locks that the process holds on it (POSIX).
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = os.open(folder / "answers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise UserError(
                f"{folder}: cannot lock answers there ({error.strerror}); set runtime.answers_dir to another folder"
            ) from None

    def take(self, key: str) -> bool:
        """Lock a key; return False if another process holds it."""
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
    """Return the position of a key's byte: its first 56 bits, which fit the 63 that a file offset has."""
    return int(key[:14], 16)
