"""Maps the finish reasons of all providers to five meanings."""

import re
from collections.abc import Iterable
from typing import Literal

Ending = Literal["content_filter", "error", "length", "unknown", "stop"]

_WORST_FIRST: tuple[Ending, ...] = ("content_filter", "error", "length", "unknown", "stop")
_MEANINGS: dict[Ending, re.Pattern[str]] = {  # the first match counts: `ERROR_TOXIC` comes from a filter
    "content_filter": re.compile(  # `language`: Gemini refuses an unsupported language
        r"filter|refus|safety|block|prohibit|recitation|spii|pii\b|guardrail|sensitive|toxic|moderat|policy|flagged|"
        r"violat|unsafe|copyright|harm|denied|disallow|risk|escalation|^language$"
    ),
    "error": re.compile(  # `load` and `unload`: Ollama loaded or unloaded a model and wrote nothing
        r"error|fail|abort|cancel|interrupt|time_?(?:d_)?out|unavailable|overload|insufficient|disconnect|malformed|"
        r"unexpected|invalid|missing|kill|preempt|rate_?limit|quota|crash|shutdown|exception|^(?:un)?load$"
    ),
    "length": re.compile(r"length|max|limit|truncat|context|incomplete|unfinished|not_finished"),
    "stop": re.compile(r"^(?:finish_reason_)?(?:stop|eos|end|complete|finish(?!_reason)|done|success|normal)"),
}


def ending_of(words: Iterable[object]) -> Ending:
    """Return the worst meaning of the finish reasons of one answer; `stop` if there are none.

    An answer may have several: LiteLLM's, a gateway's and the provider's. LiteLLM turns every word that it does not
    know into `stop`, so its word alone proves nothing.
    """
    found = {_meaning(str(word)) for word in words if word not in (None, "")}
    return next((ending for ending in _WORST_FIRST if ending in found), "stop")


def _meaning(word: str) -> Ending:
    """Return what one finish reason means. `MAX_TOKENS`, `maxTokens` and `max tokens` mean the same."""
    separated = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word)
    plain = re.sub(r"[^a-z0-9]+", "_", separated.lower()).strip("_")
    return next((ending for ending, pattern in _MEANINGS.items() if pattern.search(plain)), "unknown")
