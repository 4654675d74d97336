"""Read an override as a person types it after `seedling run`."""

import re
import types
from typing import Any, NamedTuple, Union, get_args, get_origin

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stages.contract.config import Config
from stages.contract.errors import UserError

_FORM = re.compile(r"(?P<key>[A-Za-z][\w./-]*)(?:@(?P<package>[\w.]+))?=(?P<value>.*)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


class Typed(NamedTuple):
    """An override: a group with its package, or a dotted key, and the value."""

    key: str
    package: str | None
    value: Any  # Any: what an override holds


def read_override(text: str) -> Typed:
    """Return what an override such as `llm=openai` or `seeds.path=my seeds (1).jsonl` sets.

    Raises:
        UserError: it is not `key=value`, or holds several values.
    """
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:
        key, package, value = _read_without_hydra(text)
    else:
        if override.is_sweep_override() or override.type is None or not text[:1].isalnum():
            hint = f"; a text with a comma needs quotes: \"{text.partition('=')[0]}='…'\"" if "," in text else ""
            raise UserError(f"{text!r}: takes one value; write key=value{hint}")
        key, package, value = override.key_or_group, override.package, override.value()
        if not isinstance(value, str | None) and _is_text(key):  # as typed: a commit 5e12345, a file [draft]
            value = text.partition("=")[2].strip()
    return Typed(key, package, _unescaped(value) if key.endswith(".stop") else value)


def _read_without_hydra(text: str) -> Typed:
    """Return an override that Hydra's grammar refuses: brackets, `&`, `'` or letters outside ASCII in a text.

    A list or mapping is read as YAML, as in conf/; everything else is a text.
    """
    refused = UserError(
        f"{text!r}: is not an override; write key=value, close its brackets, and put a text with signs in quotes, "
        "as in \"generate.domains=['food & drink']\""
    )
    match = _FORM.fullmatch(text)
    if not match:
        raise refused
    key, package, value = match["key"], match["package"], match["value"].strip()
    if value[:1] not in ("[", "{") or _is_text(key):
        return Typed(key, package, value)
    try:
        content: Any = OmegaConf.to_container(OmegaConf.create(f"value: {value}"))  # Any: what YAML holds
    except (yaml.YAMLError, OmegaConfBaseException):
        raise refused from None
    return Typed(key, package, content["value"])


def _is_text(key: str) -> bool:
    """Return True if the config expects a text at a dotted key."""
    annotation: Any = Config  # Any: an annotation is not always a class
    for part in key.split("."):
        fields = getattr(annotation, "model_fields", {})
        if part not in fields:
            return False
        annotation = fields[part].annotation
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return str in {getattr(kind, "__origin__", kind) for kind in kinds}


def _unescaped(value: Any) -> Any:  # Any: what an override holds
    r"""Return stop texts with `\n`, `\t`, `\r` and `\\` as the characters that they stand for."""
    if isinstance(value, list):
        return [_unescaped(part) for part in value]
    return re.sub(r"\\([ntr\\])", lambda found: _ESCAPES[found[1]], value) if isinstance(value, str) else value
