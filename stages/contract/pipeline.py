"""Read dvc.yaml: what a stage declares, and the current state of everything it depends on."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.contract.dotted import leaves, look_up
from stages.contract.files import load_yaml
from stages.contract.params import load_params

ROOT_PIPELINE = "dvc.yaml"
"""The pipeline of the repository; evaluation and fine-tuning keep theirs in folders of their own."""

State = dict[str, Any]  # Any: what YAML holds
"""Parameters by dotted key, and hashes by path."""


def declared(name: str, pipeline: str = ROOT_PIPELINE) -> dict[str, Any]:  # Any: what YAML holds
    """Return what a pipeline file declares about a stage."""
    stage: dict[str, Any] = load_yaml(pipeline)["stages"][name]
    return stage


def state_of(name: str, pipeline: str = ROOT_PIPELINE) -> State:
    """Return the value of each parameter a stage declares, and the hash of each file and folder it depends on."""
    stage, raw = declared(name, pipeline), load_params()
    state: State = {}
    for key in stage.get("params", []):
        state |= leaves(look_up(raw, key), key)
    for dependency in stage.get("deps", []):
        path = re.sub(r"\$\{([\w.]+)\}", lambda key: str(look_up(raw, key[1])), dependency)
        state[path] = _md5(Path(path))
    return state


def _md5(path: Path) -> str | None:
    """Return the hash of a file or folder as DVC computes it; None if the path does not exist."""
    if path.is_dir():
        entries = [{"md5": _md5(file), "relpath": file.relative_to(path).as_posix()} for file in _files(path)]
        listing = json.dumps(sorted(entries, key=lambda entry: str(entry["relpath"])), sort_keys=True)
        return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
