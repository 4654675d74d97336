"""Outputs in which the model asks for what it was not given instead of answering."""

import re

from stages.rules.words import any_of, matched, visible

_LONGEST = 400  # characters; a longer text answers something too
_GIVE = r"(?:provide|share|give|send|paste|enter|specify|clarify|supply|include|upload|attach|tell|type|show)"
_THING = (
    r"(?:text|list|sentence|paragraph|passage|article|document|data|input|number|code|story|poem|question|table"
    r"|email|letter"
    r"|review|detail|information|context|content|topic|example|recipe|dialogue|item|title|equation|message|word"
    r"|file|link)s?"
)
_ANYTHING = {"", "text", "input", "data", "detail", "information", "context", "content"}  # whatever the task
_LEAD = r"(?:[^.?!\n]{0,80}[.!,:] *){0,2}"  # "Sure!", "I'd be happy to help."
_ASKS = re.compile(
    rf"{_LEAD}(?:(?:please|kindly|(?:could|can|would|will) you|you (?:will )?need to)(?: please| first)* {_GIVE}\b"
    rf"(?:(?: me)?(?: with)? (?:(?:the|your|a|an|some|more|any|this) (?:\w+ )?(?P<thing>{_THING})\b"
    r"|(?:it|them)(?: here)?\?)"
    r"|[^.?!\n]{0,80}?\b(?:you(?:'d| would)? (?:like|want|need|wish)|(?:so )?(?:that )?i (?:can|could|may)|for me)\b)"
    rf"|(?:what|which) {_THING} (?:would|do|should) (?:you|i)\b|what would you like (?:me )?to\b)",
    re.IGNORECASE,
)
_MISSES = re.compile(
    rf"{_LEAD}(?:it (?:seems|looks|appears)(?: like| as if| that)? |but |however, )*"
    rf"(?:(?:there (?:is|was|are)|i (?:do not|don't|can't|cannot) (?:see|find)) (?:no|any|an?|the) (?:\w+ )?{_THING}\b"
    r"[^.?!\n]{0,60}\b(?:provided|given|attached|included|in your|here|to \w+|missing)"
    r"|you (?:have not|haven't|did not|didn't|forgot to) (?:provide|include|give|share|paste|specif|attach)\w*"
    rf"|(?:no|the) (?:\w+ )?{_THING} (?:(?:was|were|is|are|has been|seems? to be|appears? to be) )?"
    r"(?:missing|(?:not )?(?:provided|given|included|attached))[.,!]?)",
    re.IGNORECASE,
)
_WANTS_A_QUESTION = any_of(  # somebody is to be asked or told something in the answer
    r"ask\w*|request\w*|questions?|clarif\w+|inquir\w+|enquir\w+|survey|forms?|script"
    r"|an? (?:\w+ ){0,3}(?:e-?mail|mail|letter|message|note)|dialog(?:ue)?s?|conversations?|you are"
    r"|chat ?bots?|prompts?|polite\w*|invit\w+|remind\w*|instructions?|announcement|notice|repl(?:y|ies)"
    r"|customers?|errors?|warning|translat\w+|rewrit\w+|rephras\w*|paraphras\w*"
)


def asks_back(output: str, instruction: str, given: str) -> str:
    """Return the words in which the model asks for what it misses, empty where the task wants somebody to be asked.

    A rewritten or translated question is wanted where there is an input to rewrite; without one the model asks.
    """
    text = visible(output)
    wanted = _WANTS_A_QUESTION.search(instruction)
    if len(text) > _LONGEST or (wanted and not _source_is_missing(wanted[0], given)):
        return ""
    asks = _ASKS.match(text)
    thing = (asks["thing"] or "").lower().rstrip("s") if asks else ""
    if asks and (thing in _ANYTHING or thing in instruction.lower() or text.endswith("?")):
        return asks[0]
    return matched(_MISSES.match(text))


def _source_is_missing(word: str, given: str) -> bool:
    return not given.strip() and bool(re.match("translat|rewrit|rephras|paraphras", word, re.IGNORECASE))
