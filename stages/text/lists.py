"""Reads lists from models: numbered in all usual forms, with bullets, letters, or a heading before each item."""

import re
from collections.abc import Iterator, Sequence

from stages.text.lines import fences
from stages.text.names import TASK

_BOLD = r"(?:\*\*|__)?"
_NEXT = r"(?:[ \t\u3000]++|\r?$)"
_GLUED = r"(?=[^\W\da-z_]|[\"'“«「<\[(¿¡*`])"  # "1.Name", but not "1.5 litres" nor "1.py"
_ORDINAL = "new|next|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|final"
_CIRCLED, _CHINESE = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", "一二三四五六七八九十"

STYLES: dict[str, re.Pattern[str]] = {
    style: re.compile(
        rf"(?P<indent>[ \t]*+)(?:#{{1,6}}[ \t]++|>[ \t]++)?{pattern}", re.IGNORECASE if style == "headed" else 0
    )
    for style, pattern in {
        "headed": rf"(?:[-*•][ \t]++)?{_BOLD}(?:\d{{1,3}}[.):][ \t]*+)?{_BOLD}\[?(?:(?:{_ORDINAL}) )?(?:{TASK})"
        rf"(?:(?:[ \t_]*+(?:\#|no\.|nr\.|n[º°])?[ \t]*+(?P<number>\d{{1,3}})){_BOLD}[ \t]*+"
        rf"(?:\]?[.:：)]|\]|[-–—](?=[ \t])|(?=\r?$))|{_BOLD}[ \t]*+[:：])"
        rf"{_BOLD}[ \t\u3000]*+",
        "numbered": rf"{_BOLD}(?:(?:No|Nr)\. ?|N[º°] ?)?(?P<number>\d{{1,3}})"
        rf"(?:\\?[.):]|\.\)|/(?=[ \t])|[、．：）]){_BOLD}(?:{_NEXT}|{_GLUED})",
        "bracketed": rf"{_BOLD}[(（\[](?P<number>\d{{1,3}})[)）\]][.:]?{_BOLD}(?:{_NEXT}|{_GLUED})",
        "dashed": rf"{_BOLD}(?P<number>\d{{1,3}})[ \t]?[-–—]{_BOLD}[ \t]++",
        "hashed": rf"{_BOLD}\#(?P<number>\d{{1,3}})[.:)]?{_BOLD}[ \t]++",
        "circled": rf"(?P<number>[{_CIRCLED}])[.、]?[ \t]*+",
        "keycap": r"(?P<number>\d{1,2})\ufe0f?\u20e3[ \t]*+",
        "chinese": rf"(?P<number>[{_CHINESE}]{{1,3}})、[ \t]*+",
        "bulleted": r"(?:\\?(?:[-*+–—‣·◦▪●○➤→✓✔»~]|[=-]>)(?:[ \t]++|\r?$)|•[ \t]*+)(?:\[[ xX]?\][ \t]++)?",
        "lettered": rf"{_BOLD}\(?(?P<number>[A-Za-z])[.)]{_BOLD}[ \t]++",
        "roman": rf"{_BOLD}\(?(?P<number>[ivxIVX]{{1,5}})[.)]{_BOLD}[ \t]++",
        "bare": rf"{_BOLD}(?P<number>\d{{1,3}}){_BOLD}[ \t]++(?=[^\W\d_a-z])",
        "pictured": "[\u2190-\u245f\u2500-\u2bff\U0001f300-\U0001faff]\ufe0f?[ \\t]++",
    }.items()
}
"""How an item begins, by style; the group `number` holds its number, if the style has one.

Examples: headed `**Task 3:**`, bracketed `(3)`, dashed `3 - `, hashed `#3`, circled `③`, bare `3 Name`, pictured `🌊`.
"""

# A sentence may begin with "A.", "I." or "3 cats", and a line of talk with an emoji. So these styles are tried only if
# no other one is found, and their numbers have to count up from one.
_LAST_RESORT = ("lettered", "roman", "bare", "pictured")
_ROMAN = {
    "i": 1,
    "ii": 2,
    "iii": 3,
    "iv": 4,
    "v": 5,
    "vi": 6,
    "vii": 7,
    "viii": 8,
    "ix": 9,
    "x": 10,
    "xi": 11,
    "xii": 12,
}
# the heading of a list that repeats rules from the prompt
_RULES = re.compile(
    r"\W*(?:(?:the|these|my|your|our|here are(?: the| my)?) )*(?:general |basic )?"
    r"(?:rules|guidelines|requirements|constraints|criteria|notes|considerations|principles)\b"
    r"(?: (?:for|of|about|on|to|I)\b[^.!?:]*)?\s*[:：]\W*",
    re.IGNORECASE,
)


def list_mark(item: str) -> int:
    """Return the length of the list mark before an item; 0 if there is none or if the item itself is a list."""
    if item[:1].isalpha() and item[0] not in _CHINESE:
        return 0
    lines = item.split("\n")
    for style in ("numbered", "bracketed", "bulleted", "circled", "keycap", "chinese"):
        mark = STYLES[style].match(lines[0])
        if mark and item[mark.end() :].strip():
            return 0 if any(STYLES[style].match(line) for line in lines[1:]) else mark.end()
    return 0


def starts_list(text: str) -> bool:
    """Return True if a line of the text begins a list item."""
    return any(_style(line) for line in text.split("\n"))


def list_items(text: str, continues: bool) -> list[str]:
    """Return the items of a list, each with the lines that belong to it; with `continues`, it begins inside one."""
    lines = text.split("\n")
    items = list(_items(lines, "numbered" if continues else ""))
    if not items:
        last_resorts = (list(_items(lines, style, counts=True)) for style in _LAST_RESORT)
        items = next((found for found in last_resorts if len(found) > 1), [])
    return [*items[:-1], _without_closing_remark(items[-1])] if items else []


def _style(line: str) -> str:
    """Return the style of the item that a line begins; empty if it begins none."""
    if not line.strip():
        return ""
    return next((name for name, style in STYLES.items() if name not in _LAST_RESORT and style.match(line)), "")


def _items(lines: Sequence[str], style: str, *, counts: bool = False) -> Iterator[str]:
    """Yield the items of a list, each with the lines that belong to it.

    A line whose number does not grow, or whose mark has another style, belongs to the item above it. A block of code
    around the list is dropped; a block inside an item is kept and begins no items. A list under a heading such as
    "Rules for the new tasks:" repeats the prompt, so it is skipped.
    """
    closings, around, inside = fences(lines), set[int](), range(0)
    item: list[str] | None = [] if style and not counts else None
    number, indent, heading, passed_over = 0, -1, "", False
    for index, line in enumerate(lines):
        if passed_over and line.strip() and not lines[index - 1].strip() and not _style(line):
            style, number, indent, item, passed_over = "", 0, -1, None, False
        if index in around:
            if item and not passed_over:
                yield "\n".join(item)
            item = None
        elif item is not None and (index in inside or index in closings):
            inside = inside if index in inside else range(index, closings[index] + 1)
            item.append(line)
        elif index in closings:
            around.add(closings[index])
        elif mark := _mark(style := style or _chosen(lines, index), line, number, indent, counts):
            if item and not passed_over:
                yield "\n".join(item)
            passed_over = passed_over or (indent < 0 and bool(_RULES.fullmatch(heading)))
            number, item = _value(mark), [line[mark.end() :]]
            indent = len(mark["indent"]) if indent < 0 else indent
        elif item is not None:
            item.append(line)
        elif line.strip():
            heading = line
    if item and not passed_over:
        yield "\n".join(item)


def _mark(style: str, line: str, number: int, indent: int, counts: bool) -> re.Match[str] | None:
    """Return the mark of a line that begins the item after item `number`; None for any other line."""
    mark = STYLES[style].match(line) if style else None
    if not mark or (indent >= 0 and len(mark["indent"]) > indent + 1):
        return None
    value = _value(mark)
    follows = value == number + 1 if counts and "number" in mark.groupdict() else value == 0 or value > number
    return mark if follows else None


def _chosen(lines: Sequence[str], index: int) -> str:
    """Return the style of the list that begins at a line; "headed" only if a later line has a heading too."""
    style = _style(lines[index])
    if style != "headed":
        return style
    plain = next((name for name in ("numbered", "bulleted") if STYLES[name].match(lines[index])), "headed")
    return style if any(STYLES["headed"].match(line) for line in lines[index + 1 :]) else plain


def _value(mark: re.Match[str]) -> int:
    """Return the number of an item; 0 if its mark has none."""
    text = mark.groupdict().get("number")
    if not text:
        return 0
    if text.isdecimal():
        return int(text)
    if text in _CIRCLED:
        return _CIRCLED.index(text) + 1
    if text[0] in _CHINESE:  # 二十三 is 2 * 10 + 3
        tens, ten, ones = text.rpartition("十")
        return (_CHINESE.find(tens) + 1 if tens else 1) * bool(ten) * 10 + (_CHINESE.find(ones) + 1 if ones else 0)
    if mark.re is STYLES["roman"]:
        return _ROMAN.get(text.lower(), 0)
    return ord(text.lower()) - ord("a") + 1


def _without_closing_remark(item: str) -> str:
    """Return the last item without a remark after a blank line; indented text and blocks of code belong to the item."""
    lines = item.strip().split("\n")
    closings, code_ends = fences(lines), -1
    for index, line in enumerate(lines):
        if index in closings and index > code_ends:
            code_ends = closings[index]
        elif index > code_ends and index and not lines[index - 1].strip() and line.strip() and line[0] not in " \t":
            return "\n".join(lines[:index])
    return "\n".join(lines)
