"""JSON in an answer: a list, a list that breaks off, or objects one after the other."""

import json
import re
from typing import Any, NamedTuple

_OPENING = re.compile(r"""\[\s*(?=["'{])|^[ \t]*(?=\{\s*["'}])""", re.MULTILINE)
_SPACE = re.compile(r"[\s,]*")
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*[\]}])', re.DOTALL)
_QUOTED = re.compile(
    r"""("(?:[^"\\]|\\.)*+")|(?<=[\[{,:\s])'((?:[^'\\\n]|\\.)*+)'(?=\s*[,\]}:])|(?<=[\s:\[,])(True|False|None)(?=\s*[,\]}])"""
)
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_DECODER = json.JSONDecoder(strict=False)  # models write line breaks into their strings
_MOST_OPENINGS = 8  # "[" and "{" in prose; each may cost a reading of the whole text


class Values(NamedTuple):
    """The JSON values of an answer, in its order."""

    complete: list[Any]  # Any: JSON
    start: int
    """Where the first of them begins."""
    rest: str | None
    """What follows the last complete one where the JSON breaks off; None if it is closed."""


def json_values(text: str) -> Values | None:
    r"""Return the elements of the first JSON list, or the objects that follow each other; None if there is no JSON.

    Example: '["a", "b' gives "a" with the rest '"b', and '{"a": 1}\n{"a": 2}' gives both objects.
    """
    as_json = _from_python(text)
    for shown in (text, _TRAILING_COMMA.sub(lambda match: match[1] or "", as_json)):
        for opening, _ in zip(_OPENING.finditer(shown), range(_MOST_OPENINGS), strict=False):
            values = _sequence(shown, opening)
            if values.complete and values.rest is None:
                return values
    broken = (
        _sequence(as_json, opening)
        for opening, _ in zip(_OPENING.finditer(as_json), range(_MOST_OPENINGS), strict=False)
    )
    return next((values for values in broken if values.complete or values.rest), None)


def _from_python(text: str) -> str:
    """Return the text with strings and words as JSON spells them where Python's spelling stands: 'a', True, None."""
    return _QUOTED.sub(_as_json, text) if re.search(r"[\[{]\s*'", text) else text


def _as_json(match: re.Match[str]) -> str:
    if match[1] is not None:
        return match[1]
    if match[3]:
        return _JSON_WORDS[match[3]]
    return json.dumps(match[2].replace("\\'", "'").replace("\\n", "\n"), ensure_ascii=False)


def _sequence(text: str, opening: re.Match[str]) -> Values:
    """Return the values that follow an opening bracket, or the objects from an opening brace on."""
    listed = opening[0].startswith("[")
    values: list[Any] = []
    position = opening.end()
    while True:
        space = _SPACE.match(text, position)
        position = space.end() if space else position
        if listed and text.startswith("]", position):
            return Values(values, opening.start(), None)
        if not listed and values and not text.startswith("{", position):
            return Values(values, opening.start(), None)
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return Values(values, opening.start(), text[position:])
        values.append(value)


def as_text(value: Any) -> str:
    """Return a JSON value as a text: a string as it is, null as an empty text, anything else as JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be written to a file
