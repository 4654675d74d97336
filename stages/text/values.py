"""Reads JSON in an answer: a list, a list that breaks off, or several objects in a row."""

import json
import re
from typing import Any, NamedTuple

_OPENING = re.compile(r"""\[\s*(?=["'{])|^[ \t]*(?=\{\s*["'}])""", re.MULTILINE)
_SPACE = re.compile(r"[\s,]*")
# both patterns match JSON strings as well, so that text inside a string stays
_STRING = r'("[^"\\]*+(?:\\.[^"\\]*+)*")'
_TRAILING_COMMA = re.compile(rf"{_STRING}|,(?=\s*[\]}}])", re.DOTALL)
_QUOTED = re.compile(
    rf"{_STRING}|(?<=[\[{{,:\s])'([^'\\\n]*+(?:\\.[^'\\\n]*+)*)'(?=\s*[,\]}}:])"
    r"|(?<=[\s:\[,])(True|False|None)(?=\s*[,\]}])"
)
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_DECODER = json.JSONDecoder(strict=False)  # models write line breaks into their strings
_MOST_OPENINGS = 8  # tries: prose may hold many "[" and "{", and each try may read the whole text


class Values(NamedTuple):
    """The JSON values of an answer, in its order."""

    complete: list[Any]  # Any: JSON
    start: int
    """Where the first one begins."""
    rest: str | None
    """The text after the last complete value if the JSON breaks off; None if the JSON is closed."""


def json_values(text: str) -> Values | None:
    r"""Return the elements of the first JSON list, or the objects that follow one another; None if there is no JSON.

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
    """Return the text with Python's 'a', True and None spelled as in JSON; unchanged if nothing opens with 'a'."""
    return _QUOTED.sub(_as_json, text) if re.search(r"[\[{]\s*'", text) else text


def _as_json(match: re.Match[str]) -> str:
    if match[1] is not None:
        return match[1]
    if match[3]:
        return _JSON_WORDS[match[3]]
    return json.dumps(match[2].replace("\\'", "'").replace("\\n", "\n"), ensure_ascii=False)


def _sequence(text: str, opening: re.Match[str]) -> Values:
    """Return the values after an opening bracket, or the objects that begin at an opening brace."""
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
