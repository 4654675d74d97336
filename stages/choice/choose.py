"""The user's choice on top of conf/. It is kept in conf/choice.yaml, so that every way to run builds on it."""

import difflib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stages.choice.typed import Typed, read_override
from stages.contract.dotted import as_typed, leaves, put
from stages.contract.errors import UserError
from stages.contract.files import load_yaml

FILE = Path("conf/choice.yaml")
_HEADER = "# @package _global_\n# Written by `seedling run`; `seedling run --reset` empties it.\n"


@dataclass
class Choice:
    """Group options by group (`llm`, `llm@classify.llm`), nested values, and `runtime` for one command."""

    groups: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)  # Any: what YAML holds
    runtime: dict[str, Any] = field(default_factory=dict)  # Any: what YAML holds

    def describe(self) -> str:
        """Return the choice as the overrides that make it."""
        words = [f"{group}={option}" for group, option in self.groups.items()]
        words += [f"{key}={as_typed(value)}" for key, value in leaves(self.values).items() if value != {}]
        return " ".join(words) or "conf/ as it is"

    def text(self) -> str:
        """Return the choice as the content of its file.

        Raises:
            UserError: a value holds `${` and is not an interpolation.
        """
        defaults = [{f"override /{group}": option} for group, option in self.groups.items()]
        body = ({"defaults": defaults} if defaults else {}) | self.values
        try:
            return _HEADER + (OmegaConf.to_yaml(OmegaConf.create(body)) if body else "")
        except OmegaConfBaseException as error:
            message = " ".join(str(error).split()).replace("full_key:", "in").partition(" object_type")[0]
            raise UserError(
                f"{FILE}: {message}; `${{` begins a reference to another key, write the value without it"
            ) from None


def read_choice() -> Choice:
    """Return the choice in force.

    Raises:
        UserError: the file is not of the form `seedling run` writes.
    """
    content = load_yaml(FILE, empty_is_a_mapping=True)
    try:
        entries = [pair for entry in content.pop("defaults", []) for pair in entry.items()]
        groups = {group.removeprefix("override /"): option for group, option in entries}
    except (AttributeError, TypeError):
        raise UserError(
            f"{FILE}: defaults is not a list of `override /group: option`; run `seedling run --reset`"
        ) from None
    return Choice(groups, content)


def amended(choice: Choice, overrides: Sequence[str]) -> Choice:
    """Return the choice with overrides such as `llm=openai` or `generate.num_instructions=300` added.

    Choosing a group resets the values set inside it. Choosing an experiment resets all of them, since the choice comes
    last in the defaults list and would hide the experiment's keys. `runtime.…` is kept apart: it holds for one command.

    Raises:
        UserError: an override is not `key=value`, holds several values, or names an option that does not exist.
    """
    amended = deepcopy(choice)
    parsed = [_parse(text) for text in overrides]
    for override in sorted(parsed, key=_precedence):
        _add(amended, override.key, override.package, override.value)
    return amended


def _parse(text: str) -> Typed:
    override = read_override(text)
    if override.key.partition(".")[0] in ("defaults", "hydra") or override.key == "runtime":
        raise UserError(
            f"{text!r}: cannot be chosen; write a group (llm=openai) or a key of conf/ (runtime.concurrency=4)"
        )
    return override


def _precedence(override: Typed) -> int:
    """Return the order in which overrides are applied, however typed: first an experiment, then groups, then values."""
    return 0 if override.key == "experiment" else 1 if override.key in _groups() else 2


def _groups() -> set[str]:
    return {path.name for path in Path("conf").iterdir() if path.is_dir()}


def _add(choice: Choice, key: str, package: str | None, value: Any) -> None:  # Any: what an override holds
    if key.startswith("runtime."):
        put(choice.runtime, key.removeprefix("runtime."), value)
    elif key not in _groups():
        put(choice.values, key, value)
    else:
        _check_option(key, value)
        if key == "experiment":
            choice.groups.clear()
            choice.values.clear()
        _drop(choice.values, package or key)
        group = f"{key}@{package}" if package else key
        choice.groups.pop(group, None)
        if value is not None:
            choice.groups[group] = str(value)


def _check_option(group: str, value: Any) -> None:  # Any: what an override holds
    options = sorted(path.stem for path in Path("conf", group).glob("[!_]*.yaml"))
    if value is not None and str(value) not in options:
        close = difflib.get_close_matches(str(value), options, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(options)}"
        raise UserError(f"{group}={as_typed(value)}: no such option in conf/{group}; {hint}")


def _drop(node: dict[str, Any], dotted: str) -> None:  # Any: what YAML holds
    first, _, rest = dotted.partition(".")
    if rest and isinstance(node.get(first), dict):
        _drop(node[first], rest)
    elif not rest:
        node.pop(first, None)
