"""Finds inputs that hold only the address of a text instead of the text."""

import re

from stages.rules.words import any_of, visible

_ADDRESS = (  # bare, in brackets, or as a Markdown link
    r"(?:\[[^\]\n]{0,100}\]\(|[<\[(\"'])?(?:https?://|www\.|(?:[\w-]+\.)+[a-z]{2,6}/)[^\s>)\]\"']+[>)\]\"']{0,2}[.,;]?"
)
_URL = re.compile(
    rf"(?:(?:\w[\w ]{{0,30}}:|see|link|url|source|read|visit)\s+)?{_ADDRESS}(?:\s+{_ADDRESS})*", re.IGNORECASE
)
_WORKS_ON_IT = any_of(  # the task works on the address itself
    r"domains?|sub-?domains?|host(?:name)?s?|protocols?|schemes?|paths?|query|parameters?|ports?|slugs?|tlds?"
    r"|top-level|phishing|safe|unsafe|malicious|suspicious|secure|shorten\w*|encod\w+|decod\w+|valid|validate"
    r"|well-formed|pars\w+|file ?names?|extensions?|fragments?|anchors?|https?|redirect\w*|trustworthy|spam"
    r"|scam|legitimate"
)
# the address itself, unless the task also wants the text behind it: "summarize the article at this link"
_NAMES_IT = any_of(r"urls?|uris?|links?|addresse?s?|hyperlinks?|web ?site(?:'s)? (?:name|address)")
_WANTS_ITS_TEXT = any_of(
    r"summari[sz]\w*|summary|articles?|contents?|read|pages?|main (?:ideas?|points?)|headlines?|open|visit"
    r"|watch|transcri\w+|post|blog|story|stories|author|according to|key (?:points?|takeaways?)|news"
    r"|translate|review|recipe|paper|report"
)


def only_an_address(given: str, instruction: str) -> str:
    """Return the input if it is only an address and the task needs the text behind it; else an empty string."""
    shown = visible(given)
    if not _URL.fullmatch(shown) or _WORKS_ON_IT.search(instruction):
        return ""
    return "" if _NAMES_IT.search(instruction) and not _WANTS_ITS_TEXT.search(instruction) else shown
