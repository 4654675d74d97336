r"""Finds lines and blocks of code in an answer.

Only `\n` ends a line. U+2028, U+0085 and form feeds are characters of the text, which `str.splitlines` would drop.
"""

import re
from collections.abc import Sequence

# a backtick in the rest of the line makes it inline code, as in Markdown
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^`\n]*)$")
_BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)+")
_INDENT = re.compile(r"[ \t]+")
_INDENTED_LATER = re.compile(r"\n[ \t]+\S")


def as_written(text: str) -> str:
    r"""Return the text without blank lines around it and without white space at its end.

    The first line keeps its indentation if it stands on a line of its own or if a later line is indented as well.
    Example: "\n  1\n 2 3\n" gives "  1\n 2 3", and " 16 " gives "16".
    """
    ended = text.rstrip(" \t\r\n")
    blank = _BLANK_LINES.match(ended)
    if blank:
        return ended[blank.end() :]
    indent = _INDENT.match(ended)
    if not indent or (indent[0] != " " and _INDENTED_LATER.search(ended)):
        return ended
    return ended[indent.end() :]


def fences(lines: Sequence[str]) -> dict[int, int]:
    """Return the closing line of each block of code, by its opening line; a block may hold another one."""
    closings: dict[int, int] = {}
    open_blocks: list[tuple[int, str]] = []
    for index, line in enumerate(lines):
        fence = FENCE.match(line)
        if not fence:
            continue
        if open_blocks and not fence[2].strip() and fence[1].startswith(open_blocks[-1][1]):
            closings[open_blocks.pop()[0]] = index
        else:
            open_blocks.append((index, fence[1]))
    return closings


def ends_in_code(text: str) -> bool:
    """Return True if the text ends inside a block of code, which shows that its end is missing."""
    return sum(line.lstrip(" \t").startswith(("```", "~~~")) for line in text.split("\n")) % 2 == 1


def ends_a_sentence(text: str) -> bool:
    """Return True if the last character can end a sentence, a quotation or a block of code."""
    return text.rstrip()[-1:] in set(".!?…:;\"'”’»)]}`*。！？：」』）؟।")
