"""Finds tasks that work on or ask for a picture, recording or video, but not tasks that only mention one."""

import re

from stages.rules.words import visible

_NOUN = (
    r"(?:images?|pictures?|photo(?:graph)?s?|pics?|screenshots?|selfies?|gifs?"
    r"|(?:audio|video|sound|voice) (?:clips?|files?|recordings?|tapes?|tracks?)|audio|videos?|recordings?)"
)
_BETWEEN = (
    r"(?:black[ -]and[ -]white )?"
    r"(?:(?!(?:of|to|for|in|is|between|about|from|with|on|by|into|and|how|that|which)\b)[\w-]+ ){0,3}?"
)
_GIVEN = r"(?:this|these|following|provided|attached|uploaded|enclosed|supplied|given(?: an?| the| two| three| some)?)"
# what may follow if the noun is not the first half of another one, such as `photo finish` or `video card`
_ENDS = (
    r"(?=\s*(?:$|[.,;:!?)\n\"'])|\s+(?:about|above|and|appears?|are|as|at|attached|below|by|contains?|depicts?|for|from"
    r"|given|here|i|if|in|into|is|look|of|on|or|provided|sent|showing|shown|shows?|so|taken|that|to|uploaded|using|was"
    r"|were|where|which|while|with|you)\b)"
)
_ALONE = (  # stricter after a bare "the": "the image of a function", "the video is a young medium"
    r"(?=\s*(?:$|[.,;:!?)\n])|\s+(?:above|and|attached|below|given|here|i|in (?:\d|a few|detail|one|three|two)"
    r"|provided|shown|so|that i|to)\b)"
)
_WORK = (
    r"(?:analy[sz]e|annotate|convert|caption|colori[sz]e|comment on|compare|crop|describe|describes|describing|edit"
    r"|examine"
    r"|label|interpret|look at|rate|retouch|transcribe|titles? for|captions? (?:for|to)|view|watch|listen to"
    r"|summari[sz]e)"
)
_MAKE = (
    r"(?:draw|paint|sketch|create|generate|make|produce|design|take|capture|shoot|record|film|render|find|send"
    r"|upload|show)"
    r"(?: me| us)? (?:an?|the|some|two|three|four|five|\d+|your|my|new)"
)
_NEEDED = re.compile(
    rf"(?<![\"'“‘\w]){_GIVEN} {_BETWEEN}{_NOUN}{_ENDS}"
    rf"|\bthe {_BETWEEN}{_NOUN}(?: (?:above|below|attached|provided|i (?:gave|sent|uploaded)|you see))\b"
    rf"|\b{_WORK} (?:the|an?|that|each) {_BETWEEN}{_NOUN}{_ALONE}"
    rf"|\b(?:in|from|on|see|by) the {_NOUN}{_ALONE}"
    rf"|\b(?:watch|listen to|look at|transcribe|view) (?:an?|the|this|that) {_BETWEEN}(?:{_NOUN}|clip|podcast|song"
    rf"|sound|music|melody){_ENDS}",
    re.IGNORECASE,
)
_ATTACHED = re.compile(
    r"\b(?:attached|enclosed|uploaded) (?:[\w-]+ ){0,2}?(?:pdfs?|documents?|files?|papers?|reports?|spreadsheets?"
    r"|sheets?|csv|slides?|articles?|contracts?|charts?|graphs?|diagrams?|maps?|figures?|resumes?|cvs?)\b"
    r"|\bthe (?:[\w-]+ ){0,2}?(?:charts?|graphs?|diagrams?|maps?|figures?|infographics?) (?:above|shown|pictured)\b",
    re.IGNORECASE,
)
_MADE = re.compile(rf"(?:^|[.!?]\s+|\n|\bplease )(?:{_MAKE}) {_BETWEEN}{_NOUN}{_ENDS}", re.IGNORECASE)
_FIGURE = re.compile(  # a figure of speech, or a term of mathematics or programming
    r"\b(?:big|bigger|larger|whole|overall|clear|mental) picture\b|\bpicture this\b|\bdocker\b"
    r"|\b(?:container|disk|mirror) image|\bimage (?:of|under) (?:the |a |this )?(?:function|map|set|point|line|interval"
    r"|triangle|transformation)\b",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(  # the task asks for advice, or for code, markup or words
    r"\A(?:how (?:do|can|should) i|how to|explain how)\b|\b(?:ascii|api|algorithm|app|code|css|html|javascript|latex"
    r"|matplotlib|opencv|pillow|program|prompt|python|script|svg|function|class|(?:with|in|using) (?:only |your )?words"
    r"|pixels?"
    r"|matrix|array|vivid)\b",
    re.IGNORECASE,
)


def needs_media(instruction: str) -> str:
    """Return the words that show that a task works on or asks for a picture, recording or video."""
    text = visible(instruction)
    if attached := _ATTACHED.search(text):
        return attached[0]
    found = _NEEDED.search(text) or _MADE.search(text)
    if not found or _FIGURE.search(text):
        return ""
    # a program may work on "a given image", but the model has to see an attached one
    by_text = _IN_TEXT.search(text) and not re.search(r"attached|uploaded", found[0], re.IGNORECASE)
    return "" if by_text else found[0].strip()
