"""What has changed since dvc.lock recorded a stage. The run shows it before it spends money."""

from pathlib import Path

from stages.contract.dotted import as_typed, leaves
from stages.contract.files import load_yaml
from stages.contract.pipeline import State, state_of


def changed_since_lock(name: str, pipeline: str) -> list[str]:
    """Return the parameters (with both values) and paths that differ from a stage's last run; none if it never ran."""
    before = recorded_state(name, Path(pipeline).with_suffix(".lock"))
    if before is None:
        return []
    now = state_of(name, pipeline)
    changed = [key for key in dict.fromkeys([*now, *before]) if now.get(key) != before.get(key)]
    return [_change(key, before.get(key), now.get(key)) for key in changed]


def recorded_state(name: str, lock: Path) -> State | None:
    """Return the state that the lock file records for a stage; None if it records none."""
    stages = load_yaml(lock).get("stages", {}) if lock.exists() else {}
    if name not in stages:
        return None
    state: State = {entry["path"]: entry.get("md5") for entry in stages[name].get("deps", [])}
    for key, value in stages[name].get("params", {}).get("params.yaml", {}).items():
        state |= leaves(value, key)
    return state


def _change(key: str, before: object, now: object) -> str:
    is_path = "/" in key or Path(key).exists()
    return key if is_path else f"{key} ({as_typed(before):.60} -> {as_typed(now):.60})"
