"""What was chosen on top of conf/: kept in conf/choice.yaml, so that every way to run builds on the same choice."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from stages.check import check_files, compose
from stages.contract.config import validate
from stages.contract.errors import UserError
from stages.contract.jsonl import write_text
from stages.contract.stage import load_yaml

FILE = Path("conf/choice.yaml")
_HEADER = "# @package _global_\n# Written by `seedling run`; `seedling run --reset` empties it.\n"


@dataclass
class Choice:
    """Group options by group (`llm`, `llm@classify.llm`), values as they nest, and runtime for one command."""

    groups: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)  # Any: what YAML holds
    runtime: dict[str, Any] = field(default_factory=dict)  # Any: what YAML holds

    def describe(self) -> str:
        """Return the choice as the overrides that make it."""
        words = [f"{group}={option}" for group, option in self.groups.items()]
        words += [f"{key}={value}" for key, value in _flat(self.values)]
        return " ".join(words) or "conf/ as it is"

    def text(self) -> str:
        """Return the choice as the content of its file."""
        defaults = [{f"override /{group}": option} for group, option in self.groups.items()]
        body = ({"defaults": defaults} if defaults else {}) | self.values
        return _HEADER + (yaml.safe_dump(body, sort_keys=False, allow_unicode=True) if body else "")


def _flat(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:  # Any: what YAML holds
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def read_choice() -> Choice:
    """Return the choice in force.

    Raises:
        UserError: the file is not of the form `seedling run` writes.
    """
    content = load_yaml(FILE) if FILE.exists() and yaml.safe_load(FILE.read_text("utf-8")) else {}
    try:
        entries = [pair for entry in content.pop("defaults", []) for pair in entry.items()]
        groups = {group.removeprefix("override /"): option for group, option in entries}
    except AttributeError:
        raise UserError(
            f"{FILE}: defaults is no list of `override /group: option`; run `seedling run --reset`"
        ) from None
    return Choice(groups, content)


def amended(choice: Choice, overrides: Sequence[str]) -> Choice:
    """Return the choice with overrides such as `llm=openai`, `generate.num_instructions=300` added.

    Choosing a group drops the values chosen under it; choosing an experiment drops everything else, since a
    choice would hide its keys. `runtime.…` is kept apart: it holds for one command.

    Raises:
        UserError: an override is no `key=value`, or holds several values.
    """
    amended = deepcopy(choice)
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:
            raise UserError(f"{text!r}: is no override; write key=value") from None
        if override.is_sweep_override() or override.type is None or not text[:1].isalnum():
            raise UserError(f"{text!r}: takes one value; write key=value")
        _add(amended, override.key_or_group, override.package, override.value())
    return amended


def _add(choice: Choice, key: str, package: str | None, value: Any) -> None:  # Any: what an override holds
    if key.startswith("runtime."):
        _put(choice.runtime, key.removeprefix("runtime."), value)
    elif not Path("conf", key).is_dir():
        _put(choice.values, key, value)
    else:
        if key == "experiment":
            choice.groups.clear()
            choice.values.clear()
        _drop(choice.values, package or key)
        group = f"{key}@{package}" if package else key
        choice.groups.pop(group, None)
        if value is not None:
            choice.groups[group] = str(value)


def _put(node: dict[str, Any], dotted: str, value: Any) -> None:  # Any: what YAML holds
    *parents, last = dotted.split(".")
    for parent in parents:
        if not isinstance(node.get(parent), dict):
            node[parent] = {}
        node = node[parent]
    node[last] = value


def _drop(node: dict[str, Any], dotted: str) -> None:  # Any: what YAML holds
    first, _, rest = dotted.partition(".")
    if rest and isinstance(node.get(first), dict):
        _drop(node[first], rest)
    elif not rest:
        node.pop(first, None)


def adopt(choice: Choice) -> None:
    """Write conf/choice.yaml and the params.yaml it composes to, both valid or neither.

    Raises:
        UserError: the choice does not compose or is not valid; nothing is written then.
    """
    params = composed(choice)
    content = yaml.safe_load(params)
    check_files(validate({**content, "runtime": {**content["runtime"], **choice.runtime}}))
    for path, text in ((FILE, choice.text()), (Path("params.yaml"), params)):
        if not path.exists() or path.read_text("utf-8") != text:
            write_text(path, text)


def composed(choice: Choice) -> str:
    """Return the params.yaml that conf/ composes to with another choice."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "conf")
        shutil.copytree("conf", trial)
        (trial / FILE.name).write_text(choice.text(), "utf-8")
        return compose(trial)
