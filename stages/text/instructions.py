"""Parses the instructions in an answer to the prompt for new tasks, from chat and base models alike.

Accepts any string and takes linear time. Capitals, colons and numbers inside an instruction stay as the
model wrote them.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from stages.text.lines import ends_a_sentence
from stages.text.lists import list_items, list_mark, starts_list
from stages.text.marks import mentioned, spoken
from stages.text.merged import separate
from stages.text.names import TASK
from stages.text.tables import first_table
from stages.text.values import as_text, json_values

# some models number their tags, give them attributes, or leave out the closing tag
_TAG = re.compile(
    r"<(task|instruction|question|prompt)(?:[ _-]?\d{1,3}|[ ][^<>\n]{1,40})?>(.*?)"
    r"(?:</\1[ _-]?\d{0,3}>|(?=<\1[ _\d>-])|(\Z))",
    re.DOTALL | re.IGNORECASE,
)
# "Task 3:", "**New task:**" or "Task 3 - "
_HEADING = re.compile(
    rf"(?:new |next )?(?:{TASK})[ \t]*+#?\d*+[*_]*[ \t]*+(?:[:：][*_]*|(?<=\d)[*_]*[ \t]*+[-–—](?=[ \t]))[ \t]*",
    re.IGNORECASE,
)
_TASK_COLUMN = re.compile(rf"(?:new |the )?(?:{TASK}|description)s?(?: text| description| prompt)?", re.IGNORECASE)
_HTML_LIST = re.compile(
    r"^[ \t]*(?:<[ou]l(?: [^<>\n]{1,40})?>\s*)?<li(?: [^<>\n]{1,40})?>", re.IGNORECASE | re.MULTILINE
)
_HTML_ITEM = re.compile(
    r"<li(?: [^<>\n]{1,40})?>(.*?)(?:(</li>|(?=<li[ >])|(?=</[ou]l>))|\Z)", re.DOTALL | re.IGNORECASE
)
# several tasks on one line: "Name a river. 2. Sort the words."
_ONE_A_LINE = re.compile(r"(?<=[.!?]) +(?=\d{1,2}[.)] [^\W\da-z_])")
_KEYS = ("instruction", "task", "prompt", "question", "description", "text", "content")
_WRAPPINGS = (("**", "**"), ("__", "__"), ('"', '"'), ("“", "”"), ("«", "»"), ("「", "」"), ("`", "`"))
_SEPARATOR_LINE = re.compile(r"#{2,}|-{3,}|={3,}|\*{3,}|_{3,}|")


class Instructions(NamedTuple):
    """The instructions of one answer, in its order."""

    complete: list[str]
    cut_off: list[str]
    """The last instruction if the answer ends inside it, else empty."""


class _Blocks(NamedTuple):
    """The parts of an answer that hold one instruction each, as the model wrote them."""

    texts: list[str]
    closed: bool = False
    """True if the last one has its closing tag or bracket."""
    broken: bool = False
    """True if the last one breaks off, whatever the server says."""


def parse_instructions(text: str, *, truncated: bool, continues: bool) -> Instructions:
    r"""Return the instructions in `<task>` tags, JSON, HTML, a table, or a list with numbers, bullets or headings.

    `truncated` says that the answer hit its token limit, so its last item is incomplete unless its tag is closed. If
    the last tag never closes, its item is also incomplete when the model closed another tag or the text ends inside a
    sentence. `continues` says that the prompt ended in an open number (`9.`), so the answer begins inside the first
    item.
    Example: "Sure!\n1. Name a river.\n2) Sort: b, a" gives "Name a river." and "Sort: b, a".
    Differs from the original, which drops the whole answer at the token limit: here only the last item is lost.
    """
    said = spoken(text)
    blocks = _tagged(said)
    if not blocks.texts and not continues:
        blocks = _from_json(said)
    if not blocks.texts and not continues:
        blocks = _from_html(said)
    if not blocks.texts and not continues:
        blocks = _from_table(said)
    if not blocks.texts:
        blocks = _Blocks(list_items(said, continues))
    ends_open = blocks.broken or (truncated and not blocks.closed)
    complete, cut_off = list[str](), list[str]()
    for number, block in enumerate(blocks.texts, start=1):
        cleaned = _clean(block)
        parts = list(separate(cleaned))
        found = [part for part in (parts if parts == [cleaned] else map(_clean, parts)) if part]
        if ends_open and number == len(blocks.texts):
            cut_off = found[-1:] or [""]
            found = found[:-1]
        complete += found
    return Instructions(complete, cut_off)


def _tagged(text: str) -> _Blocks:
    """Return the texts in tags; a tag that the model only mentions does not count."""
    texts, position, closings, unclosed, name = list[str](), 0, 0, False, ""
    while block := _TAG.search(text, position):
        opening_ends = block.start(2)
        # the first tag sets the name: a tag of another name is part of a task
        if mentioned(text, block.start(), opening_ends) or (name and block[1].lower() != name):
            position = opening_ends
            continue
        position = block.end()
        if not block[2].strip() and block[3] is not None:
            break
        name = block[1].lower()
        texts += _listed(block[2])
        unclosed = block[3] is not None
        closings += text.startswith("</", opening_ends + len(block[2]))
    broken = unclosed and (closings > 0 or not ends_a_sentence(texts[-1]))
    return _Blocks(texts, closed=not unclosed, broken=broken)


def _listed(text: str) -> list[str]:
    """Return the tasks in a tag that holds a list numbered from one, else its whole text as one task."""
    begins = re.match(r"\s*1[.)]\s", text)
    items = list_items(_ONE_A_LINE.sub("\n", text).strip(), continues=False) if begins else []
    return items if len(items) > 1 else [text]


def _from_json(text: str) -> _Blocks:
    """Return the instructions in JSON; empty if the JSON is part of an item of a list."""
    values = json_values(text)
    if values is None or starts_list(text[: values.start]):
        return _Blocks([])
    texts = [found for value in values.complete for found in _instructions_in(value)]
    if values.rest is None or not (texts or values.rest.startswith('"')):
        return _Blocks(texts, closed=values.rest is None)
    begun = values.rest.lstrip("{").strip().strip("\"'")
    return _Blocks([*texts, begun], broken=True) if begun else _Blocks(texts)


def _from_html(text: str) -> _Blocks:
    """Return the items of an HTML list that opens a line; empty if it is part of an item of another list."""
    opening = _HTML_LIST.search(text)
    if not opening or starts_list(text[: opening.start()]):
        return _Blocks([])
    items = list(_HTML_ITEM.finditer(text, opening.start()))
    closed = bool(items) and bool(items[-1][2])
    return _Blocks([item[1] for item in items], closed=closed, broken=bool(items) and not closed)


def _from_table(text: str) -> _Blocks:
    """Return the texts in the "Task" column of a table, or beside the numbers in a table without headings."""
    table = first_table(text)
    if table is None or starts_list("\n".join(text.split("\n")[: table.start])):
        return _Blocks([])
    columns = [index for index, name in enumerate(table.header) if _TASK_COLUMN.fullmatch(name)]
    if not table.header and all(len(row) == 2 and row[0].strip(".*").isdecimal() for row in table.rows):
        columns = [1]
    if len(columns) != 1:
        return _Blocks([])
    texts = [row[columns[0]] for row in table.rows if len(row) > columns[0]]
    return _Blocks(texts, closed=not table.broken, broken=table.broken)


def _instructions_in(value: Any) -> list[str]:  # Any: JSON
    """Return the instructions in a JSON value: a text, an object that holds one, or an object that holds several."""
    if isinstance(value, str):
        return [as_text(value)]
    if not isinstance(value, dict):
        return []
    fields = {str(key).lower(): field for key, field in value.items()}
    named = next((fields[key] for key in _KEYS if isinstance(fields.get(key), str)), None)
    if named is not None:
        return [as_text(named)]
    lists: Sequence[Any] = [field for field in fields.values() if isinstance(field, list)]
    if len(lists) == 1:
        return [found for item in lists[0] if not isinstance(item, list) for found in _instructions_in(item)]
    numbered = all(key[-1:].isdigit() and isinstance(field, str) for key, field in fields.items())
    return [as_text(field) for field in fields.values()] if numbered else []


def _clean(block: str) -> str:
    """Return an instruction without the list mark, heading, quotation marks and separator lines around it."""
    lines = block.strip().split("\n")
    while len(lines) > 1 and _SEPARATOR_LINE.fullmatch(lines[-1].strip()):
        lines.pop()
    item = "\n".join(lines).strip()
    item = _without_heading(item[list_mark(item) :])
    if item.startswith('{"') and (values := json_values(item)) and len(values.complete) == 1:
        item = "".join(_instructions_in(values.complete[0])[:1]) or item
    for opening, closing in _WRAPPINGS:
        if len(item) > 4 and item.startswith(opening) and item.endswith(closing):
            inner = item[len(opening) : -len(closing)]
            if opening not in inner and closing not in inner:
                item = _without_heading(inner.strip())
    # `**9. Name a river.**` loses its first `**` with the list mark
    return item.removesuffix("**").strip() if item.count("**") == 1 else item


def _without_heading(item: str) -> str:
    """Return an item without a heading such as `**Task 3:**`."""
    opened = len(item) - len(item.lstrip("*_#"))
    heading = _HEADING.match(item, opened) or _HEADING.match(item.lstrip("*_# "))
    if not heading:
        return item
    return heading.string[heading.end() :].strip()
