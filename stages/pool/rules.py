"""What rejects a candidate before it is compared with the pool (paper, section 2.2).

Differs from the original: what is forbidden is config, each rejection names what was found, and the default list holds
only tasks that text alone cannot answer; the paper's own list is in conf/experiment/paper.yaml.
"""

import re
from collections.abc import Callable, Sequence

from stages.contract.config import Generate

RULES: dict[str, Callable[[str, int, Generate], str]] = {
    "without_words": lambda text, words, generate: "0 words" if words == 0 else "",
    "too_short": lambda text, words, generate: f"{words} words" if words < generate.min_words else "",
    "too_long": lambda text, words, generate: f"{words} words" if words > generate.max_words else "",
    "forbidden_word": lambda text, words, generate: forbidden_word(text, generate.forbidden_words),
    "forbidden_opening": lambda text, words, generate: next(
        (opening for opening in generate.forbidden_openings if text.lower().startswith(opening.lower())), ""
    ),
    "opening_not_plain": lambda text, words, generate: (
        text[0] if generate.plain_opening and not (text[0].isascii() and text[0].isalnum()) else ""
    ),
}
"""Reason -> what in a candidate of so many words it is rejected for, empty if nothing; the first names the reason."""


def forbidden_word(text: str, words: Sequence[str]) -> str:
    """Return the first of the words or phrases that stands in the text as a whole, in any case; empty if none does."""
    return next((word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)), "")
