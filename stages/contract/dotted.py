"""Values of nested mappings by dotted key, such as `generate.llm.model`."""

import json
import re
from collections.abc import Mapping
from typing import Any

_OTHERWISE = {"null", "true", "false", "nan", "inf"}  # words that are read as text only in quotes


def look_up(content: Any, dotted: str) -> Any:  # Any: what YAML holds
    """Return the value at a dotted key; None if any part of the key is missing."""
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def put(content: dict[str, Any], dotted: str, value: Any) -> None:  # Any: what YAML holds
    """Set the value at a dotted key; a parent that is missing or not a mapping becomes a new mapping."""
    *parents, last = dotted.split(".")
    for parent in parents:
        if not isinstance(content.get(parent), dict):
            content[parent] = {}
        content = content[parent]
    content[last] = value


def selected(content: Mapping[str, Any], keys: list[str]) -> dict[str, Any]:  # Any: what YAML holds
    """Return a mapping with only these dotted keys; a key that is missing stays missing."""
    selection: dict[str, Any] = {}
    for key in keys:
        parent_key, _, last = key.rpartition(".")
        parent = look_up(content, parent_key) if parent_key else content
        if isinstance(parent, Mapping) and last in parent:
            put(selection, key, parent[last])
    return selection


def leaves(content: Any, key: str = "") -> dict[str, Any]:  # Any: what YAML holds
    """Return the values below a key, each under its dotted key; an empty mapping counts as a value."""
    if not isinstance(content, Mapping) or not content:
        return {key: content}
    inner = [leaves(part, f"{key}.{name}" if key else str(name)) for name, part in content.items()]
    return {name: leaf for part in inner for name, leaf in part.items()}


def as_typed(value: Any) -> str:  # Any: what YAML holds
    """Return a value as it is typed on the command line: `null`, `true`, `0.5`, `text`, `'a text'`, `[a, b]`."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[^\W\d][\w./-]*|/[\w./-]+", value) and value.lower() not in _OTHERWISE
        return value if plain else _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(as_typed, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_typed(part)}' for key, part in value.items())}}}"
    return json.dumps(value)


def _quoted(text: str) -> str:
    """Return a text in quotes. Unlike `repr`, it does not double a backslash: the command line reads a single one."""
    for sign, escape in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(sign, escape)
    if "'" in text and '"' not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "\\'") + "'"
