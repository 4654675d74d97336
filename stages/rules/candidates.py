"""What rejects a candidate before it is compared with the pool (paper, section 2.2).

Differs from the original: the forbidden words are config, each rejection names what was found, and the default list
holds only words of tasks that text alone cannot answer; the paper's own list is in conf/experiment/paper.yaml.
"""

import re
from collections.abc import Sequence

from stages.contract.sections.generate import Generate
from stages.novelty.tokens import TOKENIZERS
from stages.rules.table import Rules


def candidate_rules(generate: Generate) -> Rules[str]:
    """Return the rules for the text of a candidate."""
    tokens = TOKENIZERS[generate.tokenizer]
    # One search for all words: most candidates hold none, and 22 searches each took a tenth of a long replay.
    any_word = whole_words(generate.forbidden_words)

    def words(text: str, wrong: range) -> str:
        count = len(tokens(text))
        return f"{count} words" if count in wrong else ""

    return {
        "without_words": lambda text: words(text, range(1)),
        "too_short": lambda text: words(text, range(generate.min_words)),
        "too_long": lambda text: words(text, range(generate.max_words + 1, len(text) + 1)),
        "forbidden_word": lambda text: forbidden_word(text, generate.forbidden_words) if any_word.search(text) else "",
        "forbidden_opening": lambda text: next(
            (opening for opening in generate.forbidden_openings if text.lower().startswith(opening.lower())), ""
        ),
        "opening_not_plain": lambda text: (
            text[0] if generate.plain_opening and not (text[0].isascii() and text[0].isalnum()) else ""
        ),
    }


def whole_words(words: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of the words or phrases as a whole, in any case; nothing where there is none."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words)) or '(?!)'})(?!\w)", re.IGNORECASE)


def forbidden_word(text: str, words: Sequence[str]) -> str:
    """Return the first word or phrase of the list that stands in the text as a whole; empty if none does."""
    return next((word for word in words if whole_words([word]).search(text)), "")
