"""Words of a server, made safe to show: a terminal obeys control characters, and a person reads one line."""

import re
import unicodedata

_TERMINAL = re.compile(  # sequences that a terminal obeys: colours and cursor moves, titles and links, other commands
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
    """Return a text of at most so many characters, with `…` in place of what is cut off."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def without_traceback(text: str) -> str:
    """Return what stands before a Python traceback, or the error at its end where nothing stands before it."""
    before = _TRACEBACK.sub("", text)
    return before if before.strip() or not text.strip() else text.strip().splitlines()[-1]


def is_page(text: str) -> bool:
    """Tell whether a text is an HTML page, as gateways send in place of an answer."""
    return bool(_PAGE.search(text))


def _visible(character: str) -> str:
    """Return a character, a blank for one that breaks the line, nothing for one that a reader cannot see.

    Unicode's categories C are control, format (such as the marks that turn the writing direction), surrogate, private
    use and unassigned.
    """
    if character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character
