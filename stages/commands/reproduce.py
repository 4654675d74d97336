"""Let DVC rerun what changed, with the code and the interpreter of this clone."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.contract.stage import RUNTIME_VARIABLE, STATUS_VARIABLE


def reproduce(runtime: Mapping[str, Any]) -> int:  # Any: what YAML holds
    """Run `dvc repro` here and return 0, or the exit code of the stage that failed.

    Stages find this interpreter first. Ctrl-C reaches the stage too, which stores its answers: it is waited for.
    """
    with tempfile.TemporaryDirectory() as folder:
        status = Path(folder, "status")
        process = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], env=_environment(runtime, status))
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                continue
        return int(status.read_text("utf-8")) if code and status.exists() else min(code, 1)


def _environment(runtime: Mapping[str, Any], status: Path) -> dict[str, str]:  # Any: what YAML holds
    overlay = {**json.loads(os.environ.get(RUNTIME_VARIABLE) or "{}"), **runtime}
    folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        STATUS_VARIABLE: str(status),
        RUNTIME_VARIABLE: json.dumps(overlay) if overlay else "",
    }
