"""How the rules read a text: what cannot be seen is left out, and spellings that mean the same become one."""

import re
import unicodedata

_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SPACE = re.compile(r"\s+")
_AROUND = "\"'`*_“”‘«» "  # quotes and Markdown around a text that say nothing about it
_STRAIGHT = str.maketrans("’‘ʼ“”", "'''\"\"")


def visible(text: str) -> str:
    """Return the text with composed letters and straight quotes, without zero-width characters and outer white space.

    For judging only: a kept text stays as it was written, since Persian words and family emojis need their joiners.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text).translate(_STRAIGHT))
    return text.strip()


def folded(text: str) -> str:
    """Return the visible text in one case, with single blanks, without quotes around it or full stops at its end."""
    shown = _SPACE.sub(" ", visible(text)).casefold()
    plain = shown.strip(_AROUND)
    return plain.rstrip(".!").strip(_AROUND) or shown


def any_of(words: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the alternatives `one|two three|fours?` as whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def matched(match: re.Match[str] | None) -> str:
    """Return the text of a match, empty where there is none."""
    return match[0].strip() if match else ""
