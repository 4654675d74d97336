"""Makes the words of a server safe to show, since a terminal obeys control characters."""

import re
import unicodedata

_TERMINAL = re.compile(  # colours and cursor moves; titles, links and pictures; other commands
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\).*", re.DOTALL)
_PAGE = re.compile(r"<!doctype html|<html", re.IGNORECASE)
_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1>|$)|<[^>]*>", re.DOTALL | re.IGNORECASE)


def one_line(text: str) -> str:
    """Return a text as one line without control characters, Python tracebacks or HTML."""
    text = without_traceback(_TERMINAL.sub("", text))
    if is_page(text):
        text = _HIDDEN.sub(" ", text)
    return " ".join("".join(map(_visible, text)).split())


def shortened(text: str, longest: int = 300) -> str:
    """Return a text of at most `longest` characters; `…` stands for what was cut off."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def without_traceback(text: str) -> str:
    """Return the text before a Python traceback, or the error at its end if there is no text before it."""
    before = _TRACEBACK.sub("", text)
    return before if before.strip() or not text.strip() else text.strip().splitlines()[-1]


def is_page(text: str) -> bool:
    """Return True for an HTML page, which gateways send in place of an answer."""
    return bool(_PAGE.search(text))


def _visible(character: str) -> str:
    """Return a visible character as it is, a space for a line break or tab, and an empty string for any other.

    Unicode's categories C are not visible: control, format (which can reverse the writing direction), surrogate,
    private use and unassigned.
    """
    if character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character
