"""Reads Markdown tables in an answer."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# the line below the header: |---|:--:|
_RULER = re.compile(r"[ \t]*\|[ \t:|]*-[-:| \t\r]*")
_CELL_ENDS = re.compile(r"(?<!\\)\|")
_BOLD = "*_ \t"


class Table(NamedTuple):
    """The first table of an answer."""

    start: int
    """How many lines come before it."""
    header: list[str]
    """The names of the columns in lower case; empty for a table without names."""
    rows: list[list[str]]
    broken: bool
    """True if the text ends in its last row and that row has no closing `|`."""


def first_table(text: str) -> Table | None:
    r"""Return the first Markdown table of a text; None if there is none.

    Example: "| # | Task |\n|---|---|\n| 1 | Name a river. |" gives the names "#" and "task" and one row.
    """
    lines = text.split("\n")
    start = next((index for index, line in enumerate(lines) if line.lstrip(" \t").startswith("|")), len(lines))
    block = list(_block(lines[start:]))
    if len(block) < 2:
        return None
    named = bool(_RULER.fullmatch(block[1]))
    rows = [_cells(line) for line in block if not _RULER.fullmatch(line)]
    broken = start + len(block) == len(lines) and not block[-1].rstrip().endswith("|")
    header = [name.strip(_BOLD).lower() for name in rows[0]] if named else []
    return Table(start, header, rows[1:] if named else rows, broken)


def _block(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if not line.lstrip(" \t").startswith("|"):
            return
        yield line


def _cells(line: str) -> list[str]:
    """Return the cells of a row as text, with `|` for an escaped one and a line end for `<br>`."""
    inner = line.strip().removeprefix("|")
    inner = inner.removesuffix("|") if not inner.endswith("\\|") else inner
    return [re.sub(r"<br ?/?>", "\n", cell).replace("\\|", "|").strip() for cell in _CELL_ENDS.split(inner)]
