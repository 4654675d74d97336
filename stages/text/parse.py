"""Reading what models write: instructions, verdicts and instances, from chat and base models alike.

Total functions: any string in, parts out, in linear time. Nothing is corrected that the model did not write:
capitals, colons and numbers inside a text stay. Differs from the original in each point of the tests.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"\A.*</think>", re.DOTALL | re.IGNORECASE)
_TASK = re.compile(r"<task>(.*?)(</task>|(?=<task>)|\Z)", re.DOTALL | re.IGNORECASE)
_ITEM = re.compile(r"[ \t]{0,3}(?:\*\*)?(?:(\d{1,3})[.):](?:\*\*)?|[-*•])(?:[ \t]+|$)")
_HEADING = re.compile(r"(?:task|instruction)\s*+\d*+\s*+:\s*", re.IGNORECASE)
_JSON_LIST = re.compile(r'\[\s*(?=")')
_WRAPPINGS = (("**", "**"), ('"', '"'), ("“", "”"), ("`", "`"))
_VERDICT = re.compile(  # not "No idea", "yes or no", "No, I cannot tell"
    r"\W*+(yes|no)\b(?!\s*(?:/|or\b|idea\b|way\b))(?!.{0,80}\b(?:cannot|can't|can not) (?:tell|say|decide)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"<label>(.*?)(?:</label>|\Z)", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(  # to its own closing tag past opening ones of the other kind, else to the next opening tag
    r"<(input|output)>(?:((?:(?!</?\1>|</(?:input|output)>).)*+)</\1>|(.*?)(</\1>|(?=<(?:input|output)>)|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_EXAMPLE = re.compile(r"[ \t]*+(?:\*\*|#+ )?Example[ \t]++(\d{1,3})[ \t]*+[:.]?(?:\*\*)?[ \t]*+$", re.IGNORECASE)
_MARKER = re.compile(r"(?:\*\*)?(input|output|class label|label):(?:\*\*)?[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_INPUT_BESIDE_LABEL = re.compile(r"(?<!\s)\s++Input:[ \t]*", re.IGNORECASE)


class Instructions(NamedTuple):
    """The instructions of one answer, in its order."""

    complete: list[str]
    cut_off: list[str]
    """The last one, when the answer ended in the middle of it; else empty."""


class ParsedInstance(NamedTuple):
    """One instance as the model wrote it."""

    input: str
    output: str
    cut_off: bool
    """The answer ended in the middle of it."""


def without_reasoning(text: str) -> str:
    """Return the text without `<think>…</think>`, an opening that never closes, or all before a lone closing tag."""
    return _THOUGHT.sub("", _THINKING.sub("", text)).strip()


def parse_instructions(text: str, *, truncated: bool, continues: bool) -> Instructions:
    r"""Return the instructions in `<task>` tags, in a JSON list, or in a numbered or bulleted list.

    `truncated`: the answer hit its token limit, so its last item is incomplete unless its tag is closed.
    `continues`: the prompt ended in an open number (`9.`), so the answer begins inside the first item.
    Example: "Sure!\n1. Name a river.\n2) Sort: b, a" gives "Name a river." and "Sort: b, a".
    Differs from the original: only the last item is lost at the token limit, not the whole answer.
    """
    visible = without_reasoning(text)
    blocks = [(match[1], bool(match[2])) for match in _TASK.finditer(visible)]
    if not blocks:
        items = [] if continues else _json_items(visible)
        items = items or list(_list_items(visible, continues))
        blocks = [(item, index + 1 < len(items)) for index, item in enumerate(items)]
    cut_off = [_clean(blocks.pop()[0])] if blocks and truncated and not blocks[-1][1] else []
    complete = [cleaned for block, _ in blocks if (cleaned := _clean(block))]
    return Instructions(complete, cut_off)


def _json_items(text: str) -> list[str]:
    """Return the strings of a JSON list; one that stands inside an item of another list is none."""
    opening = _JSON_LIST.search(text)
    if not opening or any(_ITEM.match(line) for line in text[: opening.start()].splitlines()):
        return []
    shown = text[opening.start() :].rstrip().rstrip(",")
    return _json_strings(shown) or _json_strings(f'{shown}"]') or _json_strings(f"{shown}]")


def _json_strings(text: str) -> list[str]:
    try:
        content, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return []
    strings = [item for item in content if isinstance(item, str)]
    # half of a surrogate pair cannot be written to a file
    return [item.encode("utf-8", "replace").decode() for item in strings] if len(strings) == len(content) else []


def _list_items(text: str, continues: bool) -> Iterator[str]:
    """Yield the items of a list; a number that does not grow, or a bullet under numbers, belongs to its item."""
    lines: list[str] | None = [] if continues else None
    numbered: bool | None = True if continues else None
    number = 0
    for line in text.splitlines():
        marker = _ITEM.match(line)
        if marker and numbered is None:
            numbered = bool(marker[1])
        if marker and bool(marker[1]) == numbered and (not numbered or int(marker[1]) > number):
            if lines:
                yield "\n".join(lines)
            number = int(marker[1] or 0)
            lines = [line[marker.end() :]]
        elif lines is not None:
            lines.append(line)
    if lines:
        yield "\n".join(lines).strip().split("\n\n")[0]  # what follows a blank line is a closing remark


def _clean(item: str) -> str:
    item = _without_heading(item.strip())
    for opening, closing in _WRAPPINGS:
        inner = item[len(opening) : -len(closing)]
        if item.startswith(opening) and item.endswith(closing) and len(item) > 4 and opening not in inner:
            item = _without_heading(inner.strip())
    return item.removesuffix("**") if item.count("**") == 1 else item  # `**9. Name a river.**`


def _without_heading(item: str) -> str:
    heading = _HEADING.match(item)
    return item[heading.end() :] if heading else item


def parse_verdict(text: str) -> bool | None:
    """Return whether the model says yes, and None where it says neither.

    Example: "<label>Yes</label>" and " yes, because …" give True, "It depends." gives None.
    Differs from the original, which reads all but "Yes", "yes" and "YES" as no.
    """
    visible = without_reasoning(text)
    label = _LABEL.search(visible)
    verdict = _VERDICT.match(label[1] if label else visible)
    return verdict[1].lower() == "yes" if verdict else None


def parse_instances(text: str, *, output_first: bool, truncated: bool) -> list[ParsedInstance]:
    r"""Return the instances in `<input>`/`<output>` tags or after `Input:`, `Output:` and `Class label:` markers.

    Without tag or marker the whole answer is the output for an empty input (not when output-first, where a
    label must be marked). Example: "Class label: spam\nInput: Win now" gives ("Win now", "spam").
    """
    visible = without_reasoning(text)
    fields = list(_tagged_fields(visible))
    if not fields:
        fields = list(_marked_fields(visible, output_first))
    if not fields and visible and not output_first:
        fields = [("output", visible, False)]
    return list(_paired(fields, output_first, truncated))


def _tagged_fields(text: str) -> Iterator[tuple[str, str, bool]]:
    for match in _FIELD.finditer(text):
        content = match[3] if match[2] is None else match[2]
        yield match[1].lower(), content.strip("\n"), match[4] != ""


def _marked_fields(text: str, output_first: bool) -> Iterator[tuple[str, str, bool]]:
    """Yield the fields of an answer with markers; a marker out of turn belongs to the text it stands in."""
    name, lines, examples, seen, label = "", list[str](), 0, set[str](), ""
    for line, following in _with_following(text.splitlines()):
        example, marker = _EXAMPLE.match(line), _MARKER.match(line)
        word = marker[1].lower() if marker else ""
        next_name = _field_name(word, output_first)
        leads = output_first and next_name == "output" and label in ("", word)
        if example and int(example[1]) > examples and _MARKER.match(following):
            starts, examples, seen = [("", "")], int(example[1]), set()
        elif marker and next_name and (next_name not in seen or leads):
            label = word if leads else label
            seen = {next_name} if leads else seen | {next_name}
            starts = list(_split_label(next_name, marker[2], output_first))
        else:
            lines.append(line)
            continue
        for next_start, rest in starts:
            if name:
                yield name, "\n".join(lines).strip(), True
            name, lines = next_start, [rest]
            seen |= {next_start}
    if name:
        yield name, "\n".join(lines).strip(), False


def _with_following(lines: list[str]) -> list[tuple[str, str]]:
    """Return each line with the next one that is not blank."""
    pairs, following = list[tuple[str, str]](), ""
    for line in reversed(lines):
        pairs.append((line, following))
        following = line if line.strip() else following
    return pairs[::-1]


def _field_name(word: str, output_first: bool) -> str:
    if word in ("class label", "label"):
        return "output" if output_first else ""
    return word


def _split_label(name: str, rest: str, output_first: bool) -> Iterator[tuple[str, str]]:
    beside = _INPUT_BESIDE_LABEL.split(rest, maxsplit=1) if output_first and name == "output" else [rest]
    yield name, beside[0]
    if len(beside) == 2:
        yield "input", beside[1]


def _paired(fields: list[tuple[str, str, bool]], output_first: bool, truncated: bool) -> Iterator[ParsedInstance]:
    leading = fields[0][0] if output_first and fields else "input"  # some models turn the order round
    current: dict[str, str] = {}
    for name, content, _ in fields:
        if current and (name == leading or name in current):
            yield _instance(current, cut_off=False)
            current = {}
        current[name] = content
    if current:
        name, _, closed = fields[-1]
        yield _instance(current, cut_off=truncated and (name == leading or not closed))


def _instance(fields: dict[str, str], cut_off: bool) -> ParsedInstance:
    given = fields.get("input", "")
    return ParsedInstance(given if given.strip() else "", fields.get("output", "").strip(), cut_off)
