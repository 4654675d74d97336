"""Compare params.yaml with what conf/ composes to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.choice.compose import compose
from stages.contract.dotted import as_typed, leaves
from stages.contract.errors import UserError
from stages.contract.files import load_yaml, parsed_yaml


def refuse_drift(params: dict[str, Any]) -> None:  # Any: what YAML holds
    """Raise a UserError, a line for each key, when params.yaml is not what conf/ composes to."""
    wanted = parsed_yaml(compose(Path("conf")))
    if lines := list(differences(wanted, params)):
        raise UserError("\n".join([*lines, "params.yaml: is not what conf/ composes to; run `seedling run`"]))


def differences(wanted: Any, found: Any, key: str = "") -> Iterator[str]:  # Any: what YAML holds
    """Yield a line for each key whose values in conf/ and in params.yaml differ."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*wanted, *found]):
            yield from differences(wanted.get(name), found.get(name), f"{key}.{name}" if key else str(name))
    elif wanted != found or isinstance(wanted, bool) != isinstance(found, bool):  # True == 1 in Python, not in YAML
        yield f"{key}: conf/ composes {as_typed(wanted)}, params.yaml holds {as_typed(found)}"


def refuse_hidden(experiment: str | None) -> None:
    """Raise a UserError when conf/choice.yaml hides keys that an experiment sets.

    The choice comes last in the defaults list, so `dvc exp run -S experiment=X` would silently run without those keys.
    """
    if experiment and (hidden := hidden_by_choice(experiment)):
        raise UserError(
            f"conf/choice.yaml: hides {', '.join(hidden)} of experiment={experiment}; "
            f"run `seedling run experiment={experiment}` or `seedling run --reset` first"
        )


def hidden_by_choice(experiment: str) -> list[str]:
    """Return the keys and groups that an experiment sets and conf/choice.yaml sets to something else."""
    wanted = _settings(load_yaml(f"conf/experiment/{experiment}.yaml"))
    chosen = _settings(load_yaml("conf/choice.yaml", empty_is_a_mapping=True))
    if chosen.get("override /experiment") == experiment:  # the user chose the values after the experiment
        return []
    return sorted(key for key in wanted.keys() & chosen.keys() if wanted[key] != chosen[key])


def _settings(content: dict[str, Any]) -> dict[str, Any]:  # Any: what YAML holds
    """Return the group choices and values of a config file by dotted key."""
    groups = {group: option for entry in content.get("defaults", []) for group, option in entry.items()}
    values = {key: value for key, value in content.items() if key != "defaults"}
    return groups | (leaves(values) if values else {})
