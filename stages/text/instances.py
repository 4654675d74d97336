"""Parses the instances in an answer to a prompt for inputs and outputs, from chat and base models alike.

Accepts any string and takes linear time. Code, tabs, inner blank lines and all characters of a field stay as the model
wrote them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from stages.text.lines import as_written, ends_a_sentence, ends_in_code
from stages.text.markers import Field, marked_fields, without_next_task
from stages.text.marks import mentioned, spoken
from stages.text.tables import first_table
from stages.text.values import as_text, json_values

_OTHER_OUTPUTS = ("label", "class_label", "answer", "response")  # tags for the output if no tag is named output
# models that know XML wrap a field that holds code
_CDATA = re.compile(r"\s*<!\[CDATA\[(.*)\]\]>\s*", re.DOTALL)
_FENCE_END = re.compile(r"`{3,}\w*\s*\Z")
_OUTPUT_KEYS = ("output", "label", "class_label", "class label", "answer", "response", "target", "completion")
_INPUT_KEYS = ("input", "inputs", "text", "sentence")
_NUMBER_COLUMNS = ("#", "no.", "no", "nr.", "number", "example", "id", "")
_OTHER_KEYS = frozenset({"id", "number", "example", "explanation", "reason", "instruction", "task"})


class ParsedInstance(NamedTuple):
    """One instance as the model wrote it."""

    input: str
    output: str
    cut_off: bool
    """True if the answer ends inside this instance."""


def parse_instances(text: str, *, output_first: bool, truncated: bool) -> list[ParsedInstance]:
    r"""Return the instances in `<input>` and `<output>` tags, in JSON, in a table, or after markers such as `Input:`.

    If the answer has none of these, the whole answer is the output for an empty input. Output-first is the exception:
    there the label must be marked. `truncated` says that the answer hit its token limit, so its last instance is
    incomplete unless its tag is closed. If the last tag, bracket or block of code never closes, the last instance is
    incomplete whatever the server says.
    Example: "Class label: spam\nInput: Win now" gives ("Win now", "spam").
    """
    said = spoken(text)
    fields = _tagged_fields(said) or _json_fields(said) or _table_fields(said)
    if not fields:
        said = as_written(without_next_task(said))
        fields = marked_fields(said, output_first)
    if not fields and said and not output_first:
        fields = [Field("output", said, closed=False, broken=ends_in_code(said))]
    return list(_paired(fields, output_first, truncated))


def _tagged_fields(text: str) -> list[Field]:
    """Return the fields in tags; a tag that the model only mentions does not count."""
    outputs = (
        ("output",)
        if re.search(r"<output(?:[ _]?\d{0,2}| \w{1,9}=['\"]?\d{1,3}['\"]?)>", text, re.IGNORECASE)
        else _OTHER_OUTPUTS
    )
    if "<input" not in text.lower() and outputs != ("output",):
        return []
    tag = _field_pattern("|".join(("input", *outputs)))
    fields, position = list[Field](), 0
    while match := tag.search(text, position):
        opening_ends = match.start(2) if match[2] is not None else match.start(3)
        unclosed = match[2] is None and not match[4]
        if unclosed and mentioned(text, match.start(), opening_ends):
            position = opening_ends
            continue
        position = match.end()
        content = match[3] if match[2] is None else match[2]
        wrapped = _CDATA.fullmatch(content)
        name = "input" if match[1].lower() == "input" else "output"
        fields.append(Field(name, wrapped[1] if wrapped else content, closed=not unclosed, broken=False))
    if fields and not fields[-1].closed:
        last = fields[-1]
        broken = any(field.closed for field in fields) or ends_in_code(last.text) or not ends_a_sentence(last.text)
        fields[-1] = last._replace(broken=broken)
    return fields


def _field_pattern(names: str) -> re.Pattern[str]:
    """Return a pattern that matches a field up to its closing tag, else up to the next opening tag or the end."""
    opening, number = rf"<({names})(?:[ _]?\d{{0,2}}|[ ]\w{{1,9}}=['\"]?\d{{1,3}}['\"]?)>", r"[ _]?\d{0,2}"
    return re.compile(
        rf"{opening}(?:([^<]*+(?:(?!</?\1{number}>|</(?:{names}){number}>)<[^<]*+)*)</\1{number}>"
        rf"|(.*?)(</\1{number}>|(?=<(?:{names}){number}>)|\Z))",
        re.DOTALL | re.IGNORECASE,
    )


def _json_fields(text: str) -> list[Field]:
    """Return the fields of JSON objects that hold an input and an output; empty for other JSON, which is an answer."""
    values = json_values(text)
    # one paragraph before the JSON introduces it; after two, the JSON is part of an answer
    if values is None or "\n\n" in _FENCE_END.sub("", text[: values.start]).strip():
        return []
    objects = [found for value in values.complete for found in _objects_in(value)]
    pairs = [pair for found in objects if (pair := _pair(found))]
    if len(pairs) < len(objects):
        return []
    if values.rest is not None and re.match(r'\{\s*"(?:input|output|label|class_label)"\s*:', values.rest):
        return [
            *_fields(pairs),
            Field("input", "", closed=False, broken=False),
            Field("output", values.rest, closed=False, broken=True),
        ]
    return _fields(pairs)


def _table_fields(text: str) -> list[Field]:
    """Return the fields of a table with an input column, an output column and no others except numbers."""
    table = first_table(text)
    if table is None:
        return []
    names = ["input" if name in _INPUT_KEYS else "output" if name in _OUTPUT_KEYS else name for name in table.header]
    if sorted(name for name in names if name not in _NUMBER_COLUMNS) != ["input", "output"]:
        return []
    fields = [
        Field(name, cell, closed=True, broken=False)
        for row in table.rows
        for name, cell in zip(names, row, strict=False)
        if name in ("input", "output")
    ]
    return [*fields[:-1], fields[-1]._replace(broken=True)] if table.broken and fields else fields


def _fields(pairs: Sequence[tuple[Any, Any]]) -> list[Field]:  # Any: JSON
    return [
        Field(name, as_text(value), closed=True, broken=False)
        for pair in pairs
        for name, value in zip(("input", "output"), pair, strict=True)
    ]


def _objects_in(value: Any) -> Iterator[dict[str, Any]]:  # Any: JSON
    """Yield a JSON object, or the objects in its list if it holds nothing but one list."""
    if not isinstance(value, dict):
        return
    lists = [inner for inner in value.values() if isinstance(inner, list)]
    if len(value) == 1 and lists:
        for inner in lists[0]:
            yield inner if isinstance(inner, dict) else {}
    else:
        yield {str(key).lower(): inner for key, inner in value.items()}


def _pair(found: dict[str, Any]) -> tuple[Any, Any] | None:  # Any: JSON
    """Return the input and output of an object; None if it has no output or has an unknown key."""
    output = next((key for key in _OUTPUT_KEYS if key in found and (key == "output" or "input" in found)), None)
    if output is None or found.keys() - {"input", output} - _OTHER_KEYS:
        return None
    return found.get("input"), found[output]


def _paired(fields: Sequence[Field], output_first: bool, truncated: bool) -> Iterator[ParsedInstance]:
    """Yield the instances; a new one begins at the field that leads, or at a field that the current one has already."""
    leading = fields[0].name if output_first and fields else "input"  # some models write the input first
    current: dict[str, str] = {}
    for field in fields:
        if current and (field.name == leading or field.name in current):
            yield _instance(current, output_first, cut_off=False)
            current = {}
        current[field.name] = field.text
    if current:
        last = fields[-1]
        cut_off = last.broken or (truncated and (last.name == leading or not last.closed))
        yield _instance(current, output_first, cut_off=cut_off)


def _instance(fields: dict[str, str], output_first: bool, cut_off: bool) -> ParsedInstance:
    output = as_written(fields.get("output", ""))
    given = as_written(fields.get("input", ""))
    return ParsedInstance(given if given.strip() else "", output.strip() if output_first else output, cut_off)
