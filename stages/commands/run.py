"""`seedling run [overrides]`: choose, compose, validate, and let DVC rerun what changed."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.commands.choice import Choice, adopt, amended, read_choice
from stages.contract.stage import RUNTIME_VARIABLE, STATUS_VARIABLE


def run(overrides: Sequence[str], *, reset: bool) -> int:
    """Add overrides to the choice (or to an empty one), write params.yaml and reproduce; return the exit code."""
    choice = amended(Choice() if reset else read_choice(), overrides)
    adopt(choice)
    print(f"seedling: {choice.describe()}", file=sys.stderr)
    return reproduce(choice.runtime)


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
