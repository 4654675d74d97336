"""Normalizes texts for the rules: removes characters that cannot be seen, and unifies spellings."""

import re
import unicodedata

_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SPACE = re.compile(r"\s+")
_AROUND = "\"'`*_“”‘«» "  # quotes and Markdown around a text that say nothing about it
_STRAIGHT = str.maketrans("’‘ʼ“”", "'''\"\"")


def visible(text: str) -> str:
    """Return the text with composed letters and straight quotes, without zero-width characters and outer white space.

    Use it for judging only. A kept text stays as written: Persian words and family emojis need zero-width characters.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text).translate(_STRAIGHT))
    return text.strip()


def folded(text: str) -> str:
    """Return the visible text in lower case with single spaces, without quotes around it or `.` and `!` at its end."""
    shown = _SPACE.sub(" ", visible(text)).casefold()
    plain = shown.strip(_AROUND)
    return plain.rstrip(".!").strip(_AROUND) or shown


def any_of(words: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the alternatives `one|two three|fours?` as whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def matched(match: re.Match[str] | None) -> str:
    """Return the text of a match; empty if there is none."""
    return match[0].strip() if match else ""
