"""What a stage depends on, as it stands and as dvc.lock recorded it: parameters and hashes of files."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.contract.errors import UserError

State = dict[str, Any]  # Any: what YAML holds
"""Parameters by dotted key and hashes by path."""


def load_yaml(path: str | Path, *, empty_is_a_mapping: bool = False) -> dict[str, Any]:  # Any: what YAML holds
    """Return the mapping a YAML file holds, an empty one where a file of comments alone is allowed.

    Raises:
        UserError: no such file, not YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run this at the root of the repository") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not YAML ({' '.join(str(error).split())}); correct it") from None
    if content is None and empty_is_a_mapping:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds {type(content).__name__}, not a mapping; restore it from git")
    return content


def load_params() -> dict[str, Any]:  # Any: what YAML holds
    """Return params.yaml as it stands."""
    return load_yaml("params.yaml")


def declared(name: str) -> dict[str, Any]:  # Any: what YAML holds
    """Return what dvc.yaml declares of a stage."""
    stage: dict[str, Any] = load_yaml("dvc.yaml")["stages"][name]
    return stage


def state_of(name: str) -> State:
    """Return the value of each parameter a stage declares, and the hash of each file and folder it depends on."""
    stage, raw = declared(name), load_params()
    state: State = {}
    for key in stage.get("params", []):
        state |= _leaves(_look_up(raw, key), key)
    for dependency in stage.get("deps", []):
        path = re.sub(r"\$\{([\w.]+)\}", lambda key: str(_look_up(raw, key[1])), dependency)
        state[path] = _md5(Path(path))
    return state


def recorded_state(name: str) -> State | None:
    """Return the state in which a stage ran last, None where dvc.lock does not tell."""
    stages = load_yaml("dvc.lock").get("stages", {}) if Path("dvc.lock").exists() else {}
    if name not in stages:
        return None
    state: State = {entry["path"]: entry.get("md5") for entry in stages[name].get("deps", [])}
    for key, value in stages[name].get("params", {}).get("params.yaml", {}).items():
        state |= _leaves(value, key)
    return state


def changed_since_lock(name: str) -> list[str]:
    """Return the parameters (with both values) and the paths that differ from a stage's last run, if it had one."""
    now, before = state_of(name), recorded_state(name)
    if before is None:
        return []
    changed = [key for key in dict.fromkeys([*now, *before]) if now.get(key) != before.get(key)]
    return [_change(key, before.get(key), now.get(key)) for key in changed]


def _change(key: str, before: object, now: object) -> str:
    is_path = "/" in key or Path(key).exists()
    return key if is_path else f"{key} ({before!r:.60} -> {now!r:.60})"


def _leaves(value: Any, key: str) -> State:  # Any: what YAML holds
    if isinstance(value, Mapping) and value:
        leaves = [_leaves(inner, f"{key}.{name}") for name, inner in value.items()]
        return {name: inner for leaf in leaves for name, inner in leaf.items()}
    return {key: value}


def _look_up(raw: Mapping[str, Any], dotted: str) -> Any:  # Any: what YAML holds
    """Return the value at a dotted key, None where a part of it is missing."""
    value: Any = raw
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _md5(path: Path) -> str | None:
    """Return the hash of a file or folder as DVC computes it, None where there is neither."""
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
