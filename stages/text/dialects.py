r"""Rewrites other spellings of our tags as `<task>`: `[TASK]…[/TASK]`, `\<task\>` and the escaped `&lt;task&gt;`."""

import html
import re

_NAMES = r"tasks?|instruction|question|prompt|input|output|label|class_label|answer|verdict|response"
_REASONING = r"think|thinking|reasoning"
_TAG = re.compile(rf"(?<!\\)<(?:{_NAMES})(?:[ _-]?\d{{1,3}})?>", re.IGNORECASE)
_ESCAPED = re.compile(rf"^[ \t]*&lt;(?:{_NAMES}|{_REASONING})(?:[ _-]?\d{{1,3}})?&gt;", re.IGNORECASE | re.MULTILINE)
_BACKSLASHED = re.compile(rf"\\<(/?(?:{_NAMES})(?:[ _-]?\d{{1,3}})?)\\?>", re.IGNORECASE)
_BRACKETED = re.compile(rf"[\[{{](/?)({_NAMES})([ _-]?\d{{1,3}})?[\]}}]", re.IGNORECASE)
_OPENS_A_LINE = re.compile(
    rf"^[ \t]*(?:\\<|[\[{{])(?:{_NAMES})(?:[ _-]?\d{{1,3}})?(?:\\?>|[\]}}])", re.IGNORECASE | re.MULTILINE
)


def with_usual_tags(text: str) -> str:
    r"""Return an answer with its tags spelled `<task>`; return it unchanged if it has such a tag already.

    A tag in another spelling counts only if it opens a line. A tag in brackets must be closed as well, since `[output]`
    may be a line of a settings file. If the tags are escaped, the whole text is, so `&amp;` becomes `&`.
    Example: "[TASK]Name a river.[/TASK]" gives "<TASK>Name a river.</TASK>".
    """
    if _TAG.search(text):
        return text
    if _ESCAPED.search(text):
        return html.unescape(text)
    if not _OPENS_A_LINE.search(text):
        return text
    shown = _BACKSLASHED.sub(r"<\1>", text)
    opened = {found[2].lower() for found in _BRACKETED.finditer(text) if not found[1]}
    closed = {found[2].lower() for found in _BRACKETED.finditer(text) if found[1]}
    return _BRACKETED.sub(r"<\1\2\3>", shown) if opened and opened == closed else shown
