"""Parses the verdict in an answer to the question whether a task is a classification task.

Accepts any string and takes linear time.
"""

import json
import re

from stages.text.marks import spoken

_YES, _NO = "yes|yep|yeah|oui|ja|sí|da|да|是的?|はい|예|네", "no|nope|non|nein|nee|нет|否|不是|いいえ|아니요"
_WORD = rf"(?:(?P<yes>{_YES})|(?P<no>{_NO}))"
# What may follow the word. "No doubt", "No idea", "No labels are fixed" and "yesterday" are not verdicts.
_ENDED = (
    r"(?=[ \t]*+(?:\Z|[.,;:!?)\]}*_`\"'”’」<\r\n—–、。，！]|-\s)"
    r"|\s+(?:it|this|that|the task|because|since|as|not|there|all|every|each|i)\b)"
)
_STATED = re.compile(
    rf"{_WORD}(?!\w){_ENDED}|(?P<yes_cjk>是的?|はい|예|네)|(?P<no_cjk>否|不是|いいえ|아니요)", re.IGNORECASE
)
# "Yes and no", "yes/no"
_BOTH = re.compile(
    rf"\s*+(?:[,–—-]?\s*+(?:and|or|but|und|oder|et|ou|y|o)\s+(?:also\s+|at the same time\s+)?"
    rf"|/\s*+|,\s*+)(?:{_YES}|{_NO})\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:can(?:no|')?t (?:tell|say|decide|determine)|can not (?:tell|say|decide)|cannot be (?:told|determined)"
    r"|unclear|not sure|unsure"
    r"|depends|hard to (?:say|tell)|uncertain)\b",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(rf"\b(?:actually|or rather|wait|correction)\b[,:]? (?:{_YES}|{_NO})\b", re.IGNORECASE)
_SIGNS = re.compile(r"[^\w<{\\]*+(?:\\n[^\w<{\\]*+)*")
_SUBJECT = r"(?:final |correct |short |my |the |class |best |direct |overall )*"
_LABEL_WORD = (
    r"(?:answers?|labels?|verdict|(?:is[_ ])?classification(?: task)?|class|a|decision|result|output|response"
    r"|conclusion|judge?ment|(?:task )?type|category|antwort|réponse|respuesta|ответ|答案|回答)"
)
_QUESTION = r"(?:(?:is|can|does|would|could|should) [^.!?\n]{1,100}\bclassification\b[^.!?\n]{0,100}(?=[?:]))"
_LABELLED = re.compile(
    rf"(?:^|[.!?\n]|\b(?:so|hence|thus|therefore),?|\b(?:since|because|as) [^.!?,\n]{{1,150}},)"
    rf"[^\w\n]{{0,20}}+{_SUBJECT}(?:{_LABEL_WORD}|{_QUESTION})"
    rf"[^\w\n]{{0,20}}?(?:\s{{1,5}}(?:is|would be|should be))?"
    rf"[\s:：=?*_\"'`“(\[]+"
    rf"(?={_WORD}(?!\w)|是|否|不是|true\b|false\b|(?:not |non-?)?(?:an? )?classification\b|generation\b|open)",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(
    rf"\b(?:so|hence|thus|therefore|i(?: would|[’']d) (?:say|answer))"
    rf"(?: it is| it's)?[,:]?\s+[*_\"“]*{_WORD}[.!*_\"”]*\s*\Z",
    re.IGNORECASE,
)
# places that hold a verdict and nothing else; models trained on mathematics write \boxed{Yes}
_CONTAINER = re.compile(
    r"<(label|answer|verdict|class|classification|output|is_classification|result|final_answer)>(.*?)(?:</\1>|\Z)"
    r"|\\boxed\s*\{(?:\\text\{)?([^{}]*)\}",
    re.DOTALL | re.IGNORECASE,
)
_OBJECT = re.compile(r"\{[^{}]{1,2000}\}")
_KEY = re.compile(r"answer|label|verdict|class|decision|result|output", re.IGNORECASE)
_KIND = re.compile(
    r"\W*(?:(?:it|this|the task|this task) is )?(?:(?P<negative>not |non[- ]?)?(?:an? )?"
    r"(?P<kind>classification|generation|open[- ]ended)(?: task)?)\W*",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"\b(?:task|this|it|instruction|question|that)\b[^.!?\n]{0,60}?(?:[’']s"
    r"|\b(?:is|isn[’']t|(?:is best|can be|should be|may be) \w+ as"
    r"|(?<=this )as|(?<=it )as|(?<=task )as|would be|would not be"
    r"|(?:(?:does not|doesn[’']t) )?(?:counts?|qualif(?:y|ies)) as"
    r"|(?:(?:does not|doesn[’']t) )?(?:falls?|belongs?) (?:under|into|to|in)))(?:\s+[\w’'-]+){0,3}?\s+[*_\"“]*"
    r"classification\b(?![ -]like)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not(?! only| just| merely)|than|instead of)\s+(?:really\s+)?(?:an?\s+)?[*_\"“]*classification\b",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"\b(?:task|this|it)(?:[’']s| is| would be) (?:an? )?(?:[\w-]+ ){0,3}?(?:generation|open[- ]ended|generative)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\b(?:not(?! only| just| merely)|no|never|hardly|neither)\b|n[’']t\b", re.IGNORECASE)
_TRUTH = re.compile(r"\W*(?:true|false)\W*", re.IGNORECASE)
_CONDITION = re.compile(r"\b(?:if|whether|unless|depends|depending|otherwise)\b", re.IGNORECASE)
_MODAL = re.compile(r"\b(?:might|may|could|perhaps|maybe|possibly|partly|sometimes)\b", re.IGNORECASE)
_NEXT_TASK = re.compile(r"\n[ \t]*+(?:\*\*)?Task(?:\*\*)?:|<task>", re.IGNORECASE)
_MOST_CHARACTERS = 2000  # from each end: the middle of a long answer holds reasons, not the verdict


def parse_verdict(text: str) -> bool | None:
    """Return True if the model says yes, False if it says no, and None if it says neither or both.

    Example: "<label>Yes</label>", " yes, because …", "**Answer:** Yes" and "This is a classification task." give True.
    "It depends." gives None.
    Differs from the original, which reads everything except "Yes", "yes" and "YES" as no.
    """
    said = spoken(text)
    following = _NEXT_TASK.search(said, 1)
    said = said[: following.start() if following else len(said)].strip()
    if _KIND.fullmatch(said) or _TRUTH.fullmatch(said):
        return _value(said)
    container = _CONTAINER.search(said)
    if container:
        return _value((container[2] if container[2] is not None else container[3]).strip()[:_MOST_CHARACTERS])
    found = _OBJECT.search(said)
    if found and (named := _in_object(found[0])) is not None:
        return _value(named)
    if len(said) > 2 * _MOST_CHARACTERS:
        said = f"{said[:_MOST_CHARACTERS]}\n{said[-_MOST_CHARACTERS:]}"
    return _only(_leading(said), _labelled(said), _claimed(said))


def _only(*verdicts: bool | None) -> bool | None:
    """Return the verdict that is given; None if there is none or if two differ."""
    found = {verdict for verdict in verdicts if verdict is not None}
    return found.pop() if len(found) == 1 else None


def _value(text: str) -> bool | None:
    """Return the verdict in a text that holds nothing else, such as the content of a tag."""
    kind = _KIND.fullmatch(text)
    if kind:
        return (kind["kind"].lower() == "classification") != bool(kind["negative"])
    bare = text.strip(" \t\r\n.!*_\"'`").lower()
    return bare == "true" if bare in ("true", "false") else _leading(text)


def _in_object(text: str) -> str | None:
    """Return the value of the first key of a JSON object that names a verdict; None if there is none."""
    try:
        fields = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    named = [value for key, value in fields.items() if _KEY.search(key) and isinstance(value, str | bool)]
    return str(named[0]) if named else None


def _leading(text: str) -> bool | None:
    """Return the verdict at the beginning of a text; None if the text says both or takes it back."""
    signs = _SIGNS.match(text)
    stated = _STATED.match(text, signs.end() if signs else 0)
    if not stated:
        return None
    first_line = text[stated.end() :].lstrip("*_\"'”’`) ").split("\n", 1)[0][:200]
    if _BOTH.match(text, stated.end()) or _UNSURE.search(first_line) or _TAKEN_BACK.search(first_line):
        return None
    return bool(stated["yes"] or stated["yes_cjk"])


def _labelled(text: str) -> bool | None:
    """Return the verdict after labels such as "Final answer:"; None if they differ."""
    verdicts = [_value(text[label.end() :].split("\n", 1)[0]) for label in _LABELLED.finditer(text)]
    concluded = _CONCLUDED.search(text)
    return _only(*verdicts, None if concluded is None else bool(concluded["yes"]))


def _claimed(text: str) -> bool | None:
    """Return the verdict of sentences such as "This is not a classification task."; None if one is conditional."""
    verdicts: list[bool] = []
    for sentence in re.split(r"(?<=[.!?])\s+|\n", text):
        if sentence.endswith("?"):  # the question, which some models repeat
            continue
        for claim in _CLAIM.finditer(sentence):
            if _CONDITION.search(sentence) or _MODAL.search(sentence[: claim.end()]):
                return None
            verdicts.append(not _NEGATIVE.search(claim[0]))
        generated = _GENERATED.search(sentence)
        denied = _DENIED.search(sentence) or (generated and not _NEGATIVE.search(generated[0]))
        if denied and not (_CONDITION.search(sentence) or _MODAL.search(sentence)):
            verdicts.append(False)
    return _only(*verdicts)
