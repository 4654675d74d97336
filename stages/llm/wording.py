"""Reads what an error means from its words: status 403 alone may be a bad key, a filtered prompt or a rate limit."""

import re
from typing import Literal

from stages.llm.plain import is_page
from stages.llm.said import Said

Kind = Literal["fatal", "overload", "passing"]

_FATAL = {400, 401, 402, 403, 404, 405, 413, 422}
_OVERLOAD = {429, 503, 529}
_MAY_HIDE_OVERLOAD = {None, 400, 403}  # some gateways refuse too many requests with these
_NEVER_FOR_ITS_WORDS = {401, 402, 404, 429, 503, 529}  # these are about the key, the account or the load
_TOO_LONG_STATUSES = {None, 400, 413, 422}


def _one_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# Phrases from providers' errors. `[^.|]` keeps a match within one sentence of one field.
_NO_CREDIT = _one_of(
    r"insufficient_quota|insufficient[ _](?:account )?(?:balance|credits?|funds)|out of credits?|payment required",
    r"no credits? (?:left|remaining)|credit balance is too low|arrearage|account is in arrears|余额不足|欠费",
    r"account (?:is|was|has been) (?:suspended|deactivated)",
    r"billing[ _]hard[ _]limit|spend(?:ing)? (?:limit|cap)[^.|]{0,40}(?:reached|exceeded)",
)
_USED_UP = _one_of(
    r"exceed\w*[^.|]{0,40}\bquota|\bquota\b[^.|]{0,60}\b(?:exceeded|exhausted|used up|reached|depleted)",
    r"out of quota|quota_?exceeded",
)
_SOON_BACK = _one_of(r"per[ _-]?(?:second|minute|min\b)|/ ?min\b|\b[rt]pm\b")
_TOO_MANY = _one_of(
    r"rate[ _-]?limit\w*[ _-](?:\w+[ _-])?(?:exceeded|reached|hit)|too many requests|throttl|overloaded"
)
_NO_WAY_TO_ASK = _one_of(r"missing credentials|missing \w+ api key|api_key client option must be set|no module named")
_WRONG_KEY = _one_of(r"(?:invalid|incorrect|wrong|expired)[ _](?:\w+ )?api[ _]?key|unauthorized|authentication")
_TOO_LONG = _one_of(
    r"context_length_exceeded|exceed_context_size|(?:prompt|input) is too long|input length[^.|]{0,40}exceed"
)
_FILTERED = _one_of(
    r"content[ _-]?(?:filter|policy|moderation|management policy|guidelines?|exists risk)|responsible ?ai",
    r"(?:usage|safety|moderation|acceptable use|community) (?:policy|policies|guidelines?)",
    r"safety (?:system|filters?|reasons|checks?|concerns?)|prohibited[ _]content|prohibited (?:uses?|words)",
    r"\b(?:prompt|input|output|content|text|message|completion|response|query|words)\b[^.|]{0,60}"
    r"\b(?:flagged|filtered|blocked|inappropriate|unsafe|harmful|sensitive|offensive|moderated|prohibited)\b",
    r"\b(?:flagged|filtered|blocked|rejected|refused)\b[^.|]{0,40}\b(?:by|for|due to|because)\b[^.|]{0,40}"
    r"\b(?:safety|moderation|guardrails?|violence|hate|sexual|harm|high risk|sensitive)",
    r"data_?inspection_?failed|(?:inappropriate|unsafe|harmful|sensitive) (?:content|words?|text|material|information)",
    r"guardrails?[ _][^.|]{0,40}(?:interven|block|trigger|violat|reject)|requires moderation|moderation_blocked",
    r"\b(?:blocked|flagged|filtered) (?:prompt|input|output|content|response)|block_?reason",
    r"considered high risk|new_sensitive|(?:user|system)_unsafe|\bjailbreak|敏感|不安全|违规",
)
_NOT_FOR_ITS_WORDS = _one_of(  # the account, the model or a parameter is refused, so every request would be
    r"\b(?:account|organi[sz]ation|api key|key|user|project|workspace|subscription|region|country|model|ip)"
    r"(?: \S+){0,3} (?:has been|have been|is|was|were) (?:\S+ ){0,3}"
    r"(?:suspended|banned|blocked|disabled|deactivated|terminated|restricted|flagged|not allowed|denied|locked)",
    r"(?:unknown|unrecogni[sz]ed|unsupported|unexpected|extra|missing|invalid)(?: request)? "
    r"(?:parameter|argument|field|value|key|inputs?|property|option|model)",
    r"not (?:supported|permitted|found|available)|does not exist|no such",
)


def refusal_in(said: Said, prompt: str) -> str:
    """Return the finish reason for an error that the prompt caused; empty for any other error."""
    if said.status in _TOO_LONG_STATUSES and _says(_TOO_LONG, said, prompt):
        return "context_window"
    is_for_its_words = (
        said.status not in _NEVER_FOR_ITS_WORDS
        and not is_page(said.words)  # a firewall blocks the caller, whatever the prompt says
        and _says(_FILTERED, said, prompt)
        and not _says(_NOT_FOR_ITS_WORDS, said, prompt)
    )
    return "content_filter" if is_for_its_words else ""


def kind_of(said: Said, prompt: str) -> Kind:
    """Return `fatal` to stop the run, `overload` to send fewer requests, or `passing` to just try again.

    A used-up quota stops the run, unless it is a rate limit: a quota per minute, or one that says how long to wait.
    """
    if _says(_NO_CREDIT, said, prompt) or _says(_NO_WAY_TO_ASK, said, prompt):
        return "fatal"
    if _says(_USED_UP, said, prompt) and not said.after_seconds and not _says(_SOON_BACK, said, prompt):
        return "fatal"
    if said.status in _OVERLOAD or (said.status in _MAY_HIDE_OVERLOAD and _says(_TOO_MANY, said, prompt)):
        return "overload"
    if said.status in _FATAL or (said.status is None and _says(_WRONG_KEY, said, prompt)):
        return "fatal"
    return "passing"


def _says(pattern: re.Pattern[str], said: Said, prompt: str) -> bool:
    """Return True if an error holds a phrase that the prompt does not hold: servers repeat prompts in errors."""
    asked = prompt.lower()
    return any(found[0].lower() not in asked for found in pattern.finditer(said.words))
