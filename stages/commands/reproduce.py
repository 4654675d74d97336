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
from stages.contract.stage import RUNTIME_VARIABLE, STATUS_VARIABLE, runtime_overlay
from stages.llm.command import RUN_VARIABLE, run_id


@contextmanager
def alone() -> Iterator[None]:
    """Hold this clone for one run: another would change the config under the first, and throw its work away.

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

    Stages find this interpreter first. SIGTERM is passed on to DVC, and a stage stops when DVC is gone. Ctrl-C reaches
    the stage too, which stores its answers: it is waited for.
    """
    with tempfile.TemporaryDirectory() as folder:
        status = Path(folder, "status")
        process = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], env=_environment(runtime, status))
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                continue
        signal.signal(signal.SIGTERM, before)
        if code and status.exists():
            return int(status.read_text("utf-8"))
        return 128 - code if code < 0 else min(code, 1)


def _environment(runtime: Mapping[str, Any], status: Path) -> dict[str, str]:  # Any: what YAML holds
    overlay = {**runtime_overlay(), **runtime}
    folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        RUN_VARIABLE: os.environ.get(RUN_VARIABLE) or run_id(psutil.Process()),
        STATUS_VARIABLE: str(status),
        RUNTIME_VARIABLE: json.dumps(overlay) if overlay else "",
    }
