"""Let DVC rerun what changed, with the code and the interpreter of this clone."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from stages.contract.errors import UserError
from stages.contract.files import load_yaml
from stages.contract.params import RUNTIME_VARIABLE, runtime_overlay
from stages.contract.stage import STATUS_VARIABLE
from stages.llm.command import RUN_VARIABLE, run_id


@contextmanager
def alone() -> Iterator[None]:
    """Lock this clone: a second command would change the config while the first one runs, and undo its work.

    Raises:
        UserError: another `seedling` runs here.
    """
    Path(".dvc/tmp").mkdir(parents=True, exist_ok=True)
    with open(".dvc/tmp/seedling.lock", "w", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another `seedling` runs in this clone; wait for it, or work in a second clone") from None
        yield


def reproduce(runtime: Mapping[str, Any]) -> int:  # Any: what YAML holds
    """Run `dvc repro` here and return 0, or the exit code of the stage that failed.

    DVC writes dvc.lock and .dvc/tmp/rwlock in place, so a kill at that moment leaves half a file, and every later
    `dvc repro` fails on it. Such a file is removed and DVC runs again. What dvc.lock recorded comes back from DVC's
    cache and the answer store.
    """
    with tempfile.TemporaryDirectory() as folder:
        status = Path(folder, "status")
        environment = _environment(runtime, status)
        code = _run_dvc(environment)
        if code > 0 and not status.exists() and _remove_halves():
            code = _run_dvc(environment)
        if code and status.exists():
            return int(status.read_text("utf-8"))
        return 128 - code if code < 0 else min(code, 1)


def _run_dvc(environment: Mapping[str, str]) -> int:
    """Return the exit code of `dvc repro`, or minus the number of the signal that ended it.

    SIGTERM is passed on to DVC, and a stage stops when DVC is gone. Ctrl-C reaches the stage too, so this waits until
    the stage has stored its answers.
    """
    process = subprocess.Popen([sys.executable, "-m", "stages", "commands.dvc", "repro"], env=environment)
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    interrupted, code = False, None
    while code is None:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted = True
    signal.signal(signal.SIGTERM, before)
    return -signal.SIGINT if interrupted and code else code


def _remove_halves() -> bool:
    """Remove the files that a kill left half-written; return True if there were any."""
    checks = {"dvc.lock": _lock_is_broken, ".dvc/tmp/rwlock": _rwlock_is_broken}
    halves = [path for path, is_broken in checks.items() if is_broken()]
    for path in halves:
        Path(path).unlink()
        print(f"seedling: removed {path}, which cannot be read, as after a kill; DVC writes it again", file=sys.stderr)
    return bool(halves)


def _lock_is_broken() -> bool:
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException

    lock = Path("dvc.lock")
    if not lock.exists() or b"<<<<<<< " in lock.read_bytes():  # the user must resolve a merge, as DVC says
        return False
    try:
        Lockfile.validate(load_yaml(lock), str(lock))
    except (DvcException, UserError):
        return True
    return False


def _rwlock_is_broken() -> bool:
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.rwlock import RWLockFileCorruptedError, RWLockFileFormatError, rwlock

    try:
        with rwlock(".dvc/tmp", localfs, "seedling", read=[], write=[], hardlink=False):
            return False
    except LockError:  # another command is writing it
        return False
    except (RWLockFileCorruptedError, RWLockFileFormatError):
        return True


def _environment(runtime: Mapping[str, Any], status: Path) -> dict[str, str]:  # Any: what YAML holds
    overlay = {**runtime_overlay(), **runtime}
    folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": sys.prefix,  # stages/start.sh takes its Python from here
        # the stages of one command share its cost cap
        RUN_VARIABLE: os.environ.get(RUN_VARIABLE) or run_id(psutil.Process()),
        STATUS_VARIABLE: str(status),
        RUNTIME_VARIABLE: json.dumps(overlay) if overlay else "",
    }
