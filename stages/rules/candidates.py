"""The rules that reject a candidate before it is compared with the pool (paper, section 2.2).

Differs from the original: the forbidden words are config, and each rejection names what was found. The default list
rejects a task that needs a picture or recording, not one that only mentions it. The paper's own list is in
conf/experiment/paper.yaml.
"""

import re
from collections.abc import Callable, Sequence

from stages.contract.sections.generate import Generate
from stages.novelty.tokens import TOKENIZERS
from stages.rules.leaks import damage, service_error, tool_call
from stages.rules.loops import loop
from stages.rules.media import needs_media
from stages.rules.placeholders import placeholder
from stages.rules.refusals import speaks_as_a_model
from stages.rules.table import Rules
from stages.rules.words import any_of, visible

MEDIA = "<media>"
"""The entry of `forbidden_words` that rejects every task that needs a picture, a recording or a video."""
# the model ends its list, or refers to another item instead of writing one
_NOTHING_MORE = re.compile(
    r"\W*(?:(?:the )?same (?:as|task as) (?:above|before|(?:the )?(?:previous|last) \w+|task \d+)|see (?:above|below)"
    r"|(?:the )?end of (?:the )?(?:new )?(?:tasks?|list|instructions?)|(?:there are )?no (?:more|further|other) \w+"
    r"|that(?:'s| is) (?:all|it)(?: for now)?|and so on|to be continued)\W*",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:https?://|www\.)\S+")


def candidate_rules(generate: Generate) -> Rules[str]:
    """Return the rules for the text of a candidate; the first rule that it breaks gives the reason."""
    tokens = TOKENIZERS[generate.tokenizer]

    def words(text: str, wrong: range) -> str:
        count = len(tokens(text))
        return f"{count} words" if count in wrong else ""

    return {
        "without_words": lambda text: words(text, range(1)),
        "too_short": lambda text: words(text, range(generate.min_words)),
        "too_long": lambda text: words(text, range(generate.max_words + 1, len(text) + 1)),
        "no_task": no_task,
        "damaged": damage,
        "repeats_itself": loop,
        "forbidden_word": forbidden(generate.forbidden_words),
        "forbidden_opening": lambda text: next(
            (opening for opening in generate.forbidden_openings if text.lower().startswith(opening.lower())), ""
        ),
        "opening_not_plain": lambda text: (
            text[0] if generate.plain_opening and not (text[0].isascii() and text[0].isalnum()) else ""
        ),
    }


def no_task(text: str) -> str:
    """Return what shows that a text is no task: a blank to fill in, a refusal, an error, a tool call, an address."""
    address = _URL.fullmatch(visible(text))
    return (
        placeholder(text, "")
        or speaks_as_a_model(text)
        or service_error(text)
        or tool_call(text)
        or (address[0] if address else "")
        or (text if _NOTHING_MORE.fullmatch(visible(text)) else "")
    )


def forbidden(entries: Sequence[str]) -> Callable[[str], str]:
    """Return a rule that finds the first word or phrase of the list in a text, as whole words."""
    words = [entry for entry in entries if entry != MEDIA]
    # One search for all words, because most candidates hold none: 22 searches for each took a tenth of a long replay.
    any_word = any_of("|".join(map(re.escape, words)) or "(?!)")
    media = needs_media if MEDIA in entries else lambda text: ""

    def found(text: str) -> str:
        if any_word.search(text):
            return next(word for word in words if any_of(re.escape(word)).search(text))
        return media(text)

    return found
