r"""Reads the fields after markers at the beginning of a line, such as `Input:`, `**Output 2:**` or `### Response`."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from stages.text.lines import ends_in_code, fences
from stages.text.names import ANSWER, CONTENT, INPUT, LABEL, OUTPUT, QUALIFIER

# the word may stand in a list, a heading, bold or brackets; without heading or bold it needs a colon
_MARKER = re.compile(
    r"(?P<indent>[ \t]*+)(?P<mark>(?:\d{1,3}[.):]|[-*•–])[ \t]++)?"
    r"(?P<heading>#{1,6}[ \t]++|>[ \t]++)?"
    r"(?:(?P<bold>\*\*|__|[*_`])|\[(?=[^\]\n]{1,30}\][ \t]*[:：]))?(?P<inner>\d{1,3}[.):][ \t]++)?"
    rf"{QUALIFIER}(?:(?P<input>{INPUT})|(?P<output>{OUTPUT})|(?P<label>{LABEL})|(?P<answer>{ANSWER})"
    rf"|(?P<named>{CONTENT}))"
    r"(?:[ \t]?[#(]?(?P<number>\d{1,3})\)?)?(?P<closed>\*\*|__|[*_`\]])?[ \t\u3000]*+"
    r"(?:(?P<colon>[:：])(?:\*\*|__|`|[*_](?=\s))?(?:[ \t]|(?=\S)|\r?$)|\r?$)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# a line that numbers the next instance, such as "**Example 2:**"
_EXAMPLE = re.compile(
    r"[ \t]*+(?:\*\*|__|#+ )?(?:Example|Instance|(?:Test )?Case|Sample|Pair)[ \t]*+"
    r"#?(\d{1,3})[ \t]*+[:.]?(?:\*\*|__)?[:.]?[ \t\r]*+$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[ \t]*+(?:#{2,}|-{3,}|={3,}|\*{3,}|_{3,})[ \t\r]*+$")
_BESIDE = {
    name: re.compile(rf"[;,]?(?<!\s)\s++(?:(?:\||->|→|=>)\s+)?{name}:[ \t]*", re.IGNORECASE)
    for name in ("input", "output")
}
"""How the second field begins if it shares a line with the first: "Input: b, a | Output: a, b"."""
# base models write on after their answer: a turn of a user, or another task
_NEXT_TURN = re.compile(
    r"(?<=[.!?\d])\n(?:[ \t]*\n)?#{2,} ?(?:Human|User):"  # inside a dialogue, a title or other turns come before it
    r"|(?<=[.!?\d])\n[ \t]*\n(?:\*\*)?Task(?:\*\*)?: "
    r"|(?<=[.!?\d])\n[ \t]*\n(?:Human|User): [^\n]*\n\s*(?:Assistant|AI):"
)
# an answer that is a dialogue itself keeps its turns
_DIALOGUE = re.compile(
    r"^\W*+(?!in|out|answer|response)\w+:|dialog|conversation|chat|human|user|assistant", re.IGNORECASE | re.MULTILINE
)
_TASK_HEADING = re.compile(r"^#{2,6}[ \t]*+Instruction[ \t]*+:[ \t\r]*+$", re.IGNORECASE | re.MULTILINE)


class Field(NamedTuple):
    """An input or an output as the model wrote it."""

    name: str
    """`input` or `output`."""
    text: str
    closed: bool
    """True if the text itself shows that the field is complete: by a closing tag, or by a field after it."""
    broken: bool
    """True if the field breaks off, whatever the server says."""


class _Marker(NamedTuple):
    """A marker and the line that it begins."""

    line: int
    word: str
    """`input`, `output`, `answer`, a label as it is spelled, or `named` for a kind of input such as `Review:`."""
    number: int
    """The number of its instance; 0 if it has none."""
    rest: str


def marked_fields(text: str, output_first: bool) -> list[Field]:
    """Return the fields that markers begin; a marker out of order is part of the text around it."""
    lines = text.split("\n")
    closings = fences(lines)
    markers = _markers(lines, closings, output_first)
    if not markers or (not output_first and _is_prose(lines, markers[0], closings)):
        return []
    starts = _starts(lines, markers, output_first)
    frames = _frames(closings, markers[0].line)
    fields: list[Field] = []
    for place, (index, name, rest) in enumerate(starts):
        end = starts[place + 1][0] if place + 1 < len(starts) else len(lines)
        content = "\n".join([rest, *(lines[number] for number in range(index + 1, end) if number not in frames)])
        last = place + 1 == len(starts)
        if name:
            follows = starts[place + 1][1] if not last else ""
            fields += _split_line(name, content, follows, output_first=output_first, closed=not last)
    if fields:
        text = _without_last_separator(fields[-1].text)
        fields[-1] = fields[-1]._replace(text=text, broken=ends_in_code(text))
    return fields


def without_next_task(text: str) -> str:
    """Return the text before a heading `### Instruction:` or a turn `Human:` that starts another task."""
    turn = _NEXT_TURN.search(text)
    if turn and not _DIALOGUE.search(text[: turn.start()]):
        text = text[: turn.start()]
    for heading in _TASK_HEADING.finditer(text):
        # a colon before the heading announces it, so it is part of the answer
        before = text[: heading.start()].rstrip()
        if before and not before.endswith((":", "：")):
            return text if ends_in_code(before) else before
    return text


def _markers(lines: Sequence[str], closings: dict[int, int], output_first: bool) -> list[_Marker]:
    """Return the markers outside code that are written like the first one."""
    found: list[_Marker] = []
    style, code_ends, following = "", -1, _following(lines)
    for index, line in enumerate(lines):
        if index <= code_ends:
            continue
        if index in closings and (found or not _begins_field(lines[following[index]])):
            code_ends = closings[index]
            continue
        match = _MARKER.match(line)
        if not match or not (match["colon"] or match["heading"] or match["bold"]):
            continue
        mark = (match["mark"] or "").strip()
        own_style = "" if not mark else "number" if mark[0].isdecimal() else "bullet"
        style = style if found else own_style
        if own_style not in ("", style) or (len(match["indent"]) > (3 if style else 0)):
            continue
        word = next(name for name in ("input", "output", "label", "answer", "named") if match[name])
        spelled = match[word].lower() if word == "label" else word
        digits = (
            match["number"] or (match["inner"] or "").rstrip(".):\t ") or (mark[:-1] if own_style == "number" else "")
        )
        if word not in ("label", "named") or output_first:
            found.append(_Marker(index, spelled, int(digits or 0), match["rest"]))
    has_input = any(marker.word == "input" for marker in found)
    return [marker for marker in found if marker.word != "named" or (not has_input and marker is not found[0])]


def _begins_field(line: str) -> bool:
    return bool(_MARKER.match(line) or _EXAMPLE.match(line))


def _is_prose(lines: Sequence[str], first: _Marker, closings: dict[int, int]) -> bool:
    """Return True if the first marker is only a word of the answer, such as "Answer: 5" at the end of a calculation."""
    before = [line for line in lines[: first.line] if line.strip()]
    code = any(index < first.line and closing < first.line for index, closing in closings.items())
    return first.word != "input" and bool(before) and (code or first.word == "answer")


def _starts(lines: Sequence[str], markers: Sequence[_Marker], output_first: bool) -> list[tuple[int, str, str]]:
    """Return (line, name, rest of the line) for each field; the name is empty for an example heading or a separator."""
    names = {marker.line: marker for marker in markers}
    order = {marker.line: number for number, marker in enumerate(markers)}
    has_output = any(marker.word == "output" for marker in markers)
    starts: list[tuple[int, str, str]] = []
    examples, current, seen, label = 0, 0, set[str](), ""
    previous, blank = "", True
    following = _following(lines)
    for index, line in enumerate(lines):
        example, marker = _EXAMPLE.match(line), names.get(index)
        if example and int(example[1]) > examples and (following[index] in names):
            starts.append((index, "", ""))
            examples, seen = int(example[1]), set()
        elif _SEPARATOR.match(line) and seen and (following[index] in names or _EXAMPLE.match(lines[following[index]])):
            starts.append((index, "", ""))
            seen = set()
        elif marker and (name := _field_name(marker.word, output_first, has_output)):
            leads = output_first and name == "output" and label in ("", marker.word)
            # an input that a colon announces, or that no output follows, is part of the output before it
            next_pair = marker.number > current > 0 or (
                name == "input"
                and not output_first
                and "output" in seen
                and (blank or not previous.endswith((":", "：")))
                and _word_after(markers, order[index]) in ("output", "answer")
            )
            if name not in seen or leads or next_pair:
                label = marker.word if leads else label
                seen = {name} if leads or next_pair else seen | {name}
                current = max(current, marker.number)
                starts.append((index, name, marker.rest))
                if leads and _BESIDE["input"].search(marker.rest):
                    seen.add("input")
        if line.strip():
            previous = line.rstrip()
        blank = not line.strip()
    return starts


def _without_last_separator(text: str) -> str:
    """Return a text without a separator at its end; `---` right below text stays, since it makes the text a heading."""
    before, _, last = text.rstrip().rpartition("\n")
    if not _SEPARATOR.match(last) or (before.strip() and "#" not in last and before.rsplit("\n", 1)[-1].strip()):
        return text
    return before


def _word_after(markers: Sequence[_Marker], number: int) -> str:
    return markers[number + 1].word if number + 1 < len(markers) else ""


def _following(lines: Sequence[str]) -> list[int]:
    """Return, for each line, the index of the next line that is not blank, or of the last line if none follows."""
    found, following = list[int](), len(lines) - 1
    for index in range(len(lines) - 1, -1, -1):
        found.append(following)
        following = index if lines[index].strip() else following
    return found[::-1]


def _field_name(word: str, output_first: bool, has_output: bool) -> str:
    """Return the field that a marker begins; empty if it begins none."""
    if word in ("input", "output"):
        return word
    if word == "named":
        return "input"
    if word == "answer":  # beside `Output:`, it is a word of the text
        return "" if has_output else "output"
    return "output" if output_first else ""


def _frames(closings: dict[int, int], first: int) -> set[int]:
    """Return the closing lines of the blocks of code that surround the first marker."""
    return {closing for opening, closing in closings.items() if opening < first <= closing}


def _split_line(name: str, content: str, follows: str, *, output_first: bool, closed: bool) -> list[Field]:
    """Return one field, or two if they share a line, as in "Input: b, a Output: a, b"."""
    leading, other = ("output", "input") if output_first else ("input", "output")
    first_line, _, others = content.partition("\n")
    alone = name == leading and (output_first or follows != other)
    beside = _BESIDE[other].split(first_line, maxsplit=1) if alone else [first_line]
    if len(beside) == 2:
        return [
            Field(name, beside[0], closed=True, broken=False),
            Field(other, f"{beside[1]}\n{others}", closed=closed, broken=False),
        ]
    return [Field(name, content, closed=closed, broken=False)]
