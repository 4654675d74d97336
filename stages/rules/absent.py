"""Recognizes words such as "None" that a model writes if a task has no input, unless the task works on that word."""

import re

from stages.rules.words import any_of, visible

_SAID = re.compile(  # these say that there is no input, whatever the task
    r"\W*(?:(?:there is |with )?no[ _-]?(?:\w+ )?(?:input|context|data|passage|text)(?: (?:data|text))?"
    r"(?: (?:is |was )?(?:applicable|available|given|necessary|needed|provided|required))?(?: for this \w+)?"
    r"|(?:the |this )?(?:task|instruction|question)?(?: itself)? ?(?:does not|doesn't) (?:have|need|require|take)"
    r" (?:an? |any )?(?:\w+ )?inputs?"
    r"|(?:the )?input (?:is )?(?:empty|none|not (?:applicable|available|given|necessary|needed|provided|required))"
    r"|(?:none|not|nothing)(?: is)? (?:given|necessary|needed|provided|required)"
    r"|keine (?:eingabe|angaben?)|(?:aucune?|pas d['’])\s?(?:entrée|input)"
    r"|sin entrada|sem entrada|ninguna|nenhuma|nessun input"
    r"|无(?:需?输入)?|無(?:輸入)?|(?:没有|不需要)输入|(?:入力)?なし|없음|нет(?: ввода)?"
    r"|without(?: any)? input|empty (?:input|string)|left (?:blank|empty))\W*",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\Ainput:\s*", re.IGNORECASE)
_WORD = re.compile(  # these are a real input if the task works on a word
    r"\W*(?:(?i:n/a|n\.a\.|none|not applicable|not available|empty|nothing|blank|null|nil)|NA|na)\W*|[-–—]{1,3}"
)
_NOUN = (
    r"abbreviation|acronym|adjective|adverb|antonym|country code|element|expression|keyword|label|letter|literal|mark"
    r"|name|noun|phrase|pronoun|sign|string|symbol|term|token|value|variable|verb|word"
)
# what may follow, so that "the word list" does not count as "the word"
_GOES_ON = (
    r"(?=\s*(?:[.?!,;]|$)|\s+(?:an?|and|as|backwards?|below|belongs?|by|describes?|evaluates?|from|given|has|in|into|is"
    r"|mean"
    r"|means|of opposite|or|returns?|stands?|to|using|with|without)\b)"
)
_GIVES_A_WORD = any_of(  # "the keyword", "the opposite": the input must hold it
    rf"(?:each|every|that|the|this)(?: (?:following|given|provided|single|punctuation|chemical|country|currency|python"
    rf"|sql|\w+script))*"
    rf" (?:{_NOUN}){_GOES_ON}"
    r"|(?:^|an |the |its )(?:antonym|opposite|plural|synonym)(?=\s*+[.?!]?\s*+$)|spell it (?:out"
    r"|backwards)(?=\s*+[.?!]?\s*+$)"
    r"|(?:the|this) (?:python|javascript|sql|css) (?:constant|expression|keyword|literal|name|value)"
    r"|translate (?:it )?(?:in)?to \w+(?=\s*+[.?!]?\s*+$)"
)
_HELD = re.compile(r":\s*\S|[\"“‘`]|(?<!\w)'")  # the instruction itself holds the word


def is_absent(text: str, instruction: str) -> bool:
    """Return True if an input only says that there is none.

    "None" says so for "Name three rivers", but it is a keyword for "Say what the keyword stands for".
    """
    shown = _LABEL.sub("", visible(text))
    if not shown.strip("\"'`") or _SAID.fullmatch(shown):
        return True
    return bool(_WORD.fullmatch(shown)) and not works_on_a_word(shown, instruction)


def works_on_a_word(shown: str, instruction: str) -> bool:
    """Return True if the task needs a word or sign as its input; one in brackets, such as "(none)", never counts."""
    return shown[0] not in "([<{" and not _HELD.search(instruction) and bool(_GIVES_A_WORD.search(instruction))
