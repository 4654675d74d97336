"""Finds outputs in which the model asks for missing information instead of answering."""

import re

from stages.rules.words import any_of, matched, visible

_LONGEST = 400  # characters; a longer text holds an answer as well
_GIVE = r"(?:provide|share|give|send|paste|enter|specify|clarify|supply|include|upload|attach|tell|type|show)"
_THING = (
    r"(?:text|list|sentence|paragraph|passage|article|document|data|input|number|code|story|poem|question|table"
    r"|email|letter"
    r"|review|detail|information|context|content|topic|example|recipe|dialogue|item|title|equation|message|word"
    r"|file|link)s?"
)
# may be missing whatever the task is about
_ANYTHING = {"", "text", "input", "data", "detail", "information", "context", "content"}
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
_WANTS_A_QUESTION = any_of(  # the answer has to ask or tell somebody something
    r"ask\w*|request\w*|questions?|clarif\w+|inquir\w+|enquir\w+|survey|forms?|script"
    r"|an? (?:\w+ ){0,3}(?:e-?mail|mail|letter|message|note)|dialog(?:ue)?s?|conversations?|you are"
    r"|chat ?bots?|prompts?|polite\w*|invit\w+|remind\w*|instructions?|announcement|notice|repl(?:y|ies)"
    r"|customers?|errors?|warning|translat\w+|rewrit\w+|rephras\w*|paraphras\w*"
)


def asks_back(output: str, instruction: str, given: str) -> str:
    """Return the words in which the model asks for missing information; empty if the task wants such words.

    A task to rewrite or translate wants them only if it has an input. Without one, the model asks for the input.
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
    """Return True if a task that rewrites or translates has no input."""
    return not given.strip() and bool(re.match("translat|rewrit|rephras|paraphras", word, re.IGNORECASE))
