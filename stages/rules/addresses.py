"""Inputs that are the address of a text and not the text."""

import re

from stages.rules.words import any_of, visible

_ADDRESS = (  # bare, in brackets, or as a Markdown link
    r"(?:\[[^\]\n]{0,100}\]\(|[<\[(\"'])?(?:https?://|www\.|(?:[\w-]+\.)+[a-z]{2,6}/)[^\s>)\]\"']+[>)\]\"']{0,2}[.,;]?"
)
_URL = re.compile(
    rf"(?:(?:\w[\w ]{{0,30}}:|see|link|url|source|read|visit)\s+)?{_ADDRESS}(?:\s+{_ADDRESS})*", re.IGNORECASE
)
_WORKS_ON_IT = any_of(
    r"domains?|sub-?domains?|host(?:name)?s?|protocols?|schemes?|paths?|query|parameters?|ports?|slugs?|tlds?"
    r"|top-level|phishing|safe|unsafe|malicious|suspicious|secure|shorten\w*|encod\w+|decod\w+|valid|validate"
    r"|well-formed|pars\w+|file ?names?|extensions?|fragments?|anchors?|https?|redirect\w*|trustworthy|spam"
    r"|scam|legitimate"
)
_NAMES_IT = any_of(r"urls?|uris?|links?|addresse?s?|hyperlinks?|web ?site(?:'s)? (?:name|address)")
_WANTS_ITS_TEXT = any_of(
    r"summari[sz]\w*|summary|articles?|contents?|read|pages?|main (?:ideas?|points?)|headlines?|open|visit"
    r"|watch|transcri\w+|post|blog|story|stories|author|according to|key (?:points?|takeaways?)|news"
    r"|translate|review|recipe|paper|report"
)


def only_an_address(given: str, instruction: str) -> str:
    """Return the input if it is an address alone and the task works on the text behind it, not on the address."""
    shown = visible(given)
    if not _URL.fullmatch(shown) or _WORKS_ON_IT.search(instruction):
        return ""
    return "" if _NAMES_IT.search(instruction) and not _WANTS_ITS_TEXT.search(instruction) else shown
