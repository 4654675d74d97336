"""Finds texts in which the model declines a task or says that it is a model.

A task may ask for an apology, a declined invitation or a robot's words, so each check reads the instruction as well.
"""

import re

from stages.rules.words import any_of, matched, visible

_HEAD = 400  # characters; a refusal stands at the beginning
_SHORT = 200  # characters; a refusal in place of a letter or story is shorter than either

_CANNOT = (
    r"(?:can(?:'t|not| not)|could(?:n't| not)|won't|will not(?! be)|(?:won't|will not) be able to"
    r"|(?:am|'m) (?:\w+ )?(?:unable|not (?:\w+ )?(?:able|allowed|authorized|comfortable|designed|equipped|permitted"
    r"|programmed|qualified|willing))(?: to| with)?"
    r"|(?:do not|don't) feel comfortable"
    r"|(?:(?:do not|don't) (?:\w+ly )?have|lack) (?:the )?(?:ability|access|capability|means|permission)(?: to)?)"
)
_REQUEST = (  # only somebody who was asked to do a task says this
    r"(?:(?:help|assist) you\b|(?:help|assist)(?: (?:with|in) (?:that|this|it|such|your|the|any|creating|writing)\b)"
    r"|(?:help|assist)(?=[.,!;]|$)"
    r"|(?:comply|fulfil+|complete|process|perform|do|answer|continue|proceed)(?: with)? (?:that|this|your|the|such)\b"
    r"|(?:create|generate|produce|provide|write|offer|discuss|share)"
    r"(?: (?:any|more|further|additional|that|this|such|new|other))+"
    r" (?:\w+ ){0,2}(?:answer|assistance|content|example|help|information|instruction|material|response|task|text)s?\b"
    r"|(?:create|generate|produce|provide|write) (?:additional |\w+ )?tasks\b"
    r"|(?:create|do|generate|produce|provide|write) (?:that|this|it)(?=[.,!]|$)|find (?:an|the) answer"
    r"|browse the (?:internet|web))"
)
_REGRET = (
    r"(?:i(?:'m| am)(?: \w+)? (?:sorry|afraid)|sorry|(?:my )?apologies|i (?:do )?apologi[sz]e|unfortunately|regrettably"
    r"|i regret(?: to say)?)"
)
_MODEL = (
    r"(?:just |only |merely )?(?:an?|your) (?:\w+[ -]){0,4}?"
    r"(?:ai(?: language)?(?: (?:model|assistant|system))?|artificial intelligence|language model|llm|chatbot"
    r"|virtual assistant)"
)
# a sentence of thanks or regret, then the beginning of the refusal
_LEAD = r"(?:[^.?!;:\"\n]{0,80}[.!] )?(?:[^.?!;:\"\n]{0,120}?[\s,])?"

_SPEAKS_OF_ITSELF = re.compile(
    rf"(?<![\"\w])(?:as {_MODEL}(?: (?:created|developed|made|trained) by \w+)?(?:,| and| my|(?= i\b))[^.?!\n]{{0,60}}"
    rf"\b(?:i|my|me)\b"
    rf"|i(?:'m| am) {_MODEL}(?=[,.;]| and| so| that| without| with| trained| created)"
    r"|i (?:do not|don't) (?:\w+ly )?have (?:access to (?:real[- ]time|current|live|up-to-date|the internet|external)"
    r"|personal (?:belief|experience|feeling|opinion|preference)s?|real[- ]time|a physical (?:body|form))"
    r"|my (?:knowledge cut-?off|training data|content policy)|(?:it's|it is) not within my (?:abilities|capabilities)"
    r"|(?:goes|is) against my (?:guidelines|policy|programming))",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    rf"{_LEAD}(?:i|we) ?{_CANNOT} (?:\w+ly )?(?:{_REQUEST}|(?:answering|providing|discussing|creating|writing)\b)"
    r"|(?:unable|not able) to (?:assist|comply|process|complete|fulfil+|help)\b"
    r"|it (?:is|would be) (?:in|not )appropriate for me\b"
    r"|i (?:must|have to|need to|will) (?:\w+ly )?(?:decline|refuse)\b"
    r"|(?:sorry, (?:but )?)?(?:this|your) (?:content|prompt|request) (?:\w+ ){1,4}(?:block|denied|filter|flag"
    r"|fulfil|polic|reject)"
    r"|(?:sorry,? )?i (?:do not|don't) (?:know the answer|know how to answer|understand (?:the|this"
    r"|your) (?:question|request|task))",
    re.IGNORECASE,
)
_REGRETS = re.compile(
    rf"{_REGRET}\b[,.!]*(?: but| that| for [^.?!\n]{{1,60}}?)?[, ]*(?:however,? )?i ?"
    rf"(?:{_CANNOT}|(?:do not|don't) (?:know|understand|have)|(?:am|'m) not (?:sure|certain|familiar))"
    r"|i have no (?:access|data|information|knowledge)\b",
    re.IGNORECASE,
)
_CANNOT_DO = re.compile(rf"{_LEAD}i ?{_CANNOT} (?:\w+ly )?(\w+)", re.IGNORECASE)
_ANSWERING = any_of(  # "I cannot name rivers" is a refusal, "I cannot swim" a sentence
    r"access|analy[sz]e|answer|assist|browse|comply|create|describe|determine|discuss|fulfil+|generate"
    r"|identify|list|name|predict|process|provide|recommend|retrieve|summari[sz]e|tell|translate|verify"
    r"|write"
)

_OFFERS = re.compile(
    r"(?:(?:sure|of course|certainly)[,!.]? )?i(?:'d| would| will|'ll) be (?:happy|glad|pleased) to (?:help|assist)\b"
    r"|(?:please|could you|can you) (?:provide|share|send|give)(?: me)?(?: with)?"
    r" (?:the|your|some|more) (?:\w+ )?tasks\b",
    re.IGNORECASE,
)
_NOTHING_ELSE = re.compile(  # a stock refusal, which says nothing about the task
    rf"(?:{_REGRET}[,.!]?(?: but)? )?i ?{_CANNOT} (?:help|assist|comply|do)(?: you)?(?: with)?"
    r"(?: (?:that|this|it|the|your|such)(?: \w+)?)?[.!]?",
    re.IGNORECASE,
)
_ASKS_TO_REFUSE = any_of(  # even a stock refusal may be the answer
    r"apolog\w*|sorry|regret\w*|declin\w*|refus\w*|reject\w*|turn(?:s|ed|ing)? (?:\w+ ){0,3}down|sa(?:y|ys"
    r"|ying|id) no|den(?:y|ies|ied|ial)|translat\w+|rewrit\w+|rephras\w*|paraphras\w*|repeat|extract"
    r"|in english"
)
_ASKS_FOR_ONE = any_of(  # the task wants an answer that regrets, declines or refuses
    r"apolog\w*|sorry|regret\w*|declin\w*|refus\w*|reject\w*|turn(?:s|ed|ing)? (?:\w+ ){0,3}down|sa(?:y|ys"
    r"|ying|id) no|excus\w*|unable|cannot|can't|can not|won't|den(?:y|ies|ied|ial)|cancel\w*|resign\w*"
    r"|bad news|out[- ]of[- ]office|disappoint\w*|call\w* off|back\w* out|unavailable|customers?|repl(?:y|ies)"
    r"|respond|not (?:be )?(?:able"
    r"|allowed)"
)
_CARRIES_OVER = any_of(  # the answer repeats what the input says
    r"translat\w+|rewrit\w+|rephras\w*|paraphras\w*|reword\w*|correct (?:the|this|any|all)|proofread"
    r"|punctuat\w+|extract|quot\w+|transcri\w+|convert|repeat|summari[sz]\w*|shorten|into \w+|in english"
    r"|more (?:polite|formal)\w*|edit|complet\w+|finish|continue"
)
_SAYS_NO = any_of(r"i|we|\w+n't|cannot|not|no|sorry|unable|apolog\w+|decline|refuse|regret")
_OTHER_VOICE = any_of(  # somebody else speaks in the answer
    r"dialog(?:ue)?s?|conversations?|stor(?:y|ies)|scenes?|scripts?|letters?|e-?mails?|mails?|messages?"
    r"|repl(?:y|ies)|respon(?:d|ses?)|notes?|quotes?|sentences?|poems?|haikus?|limericks?|songs?|lyrics"
    r"|speech|monologues?|sa(?:y|ys|id)|tells?|tweets?|posts?|reviews?|diary|journal|example|metaphors?"
    r"|phrases?|lines?|jokes?|characters?|play|imagine|pretend|customers?|voicemail|you are|act as"
    r"|first person|interview|roles?"
)
_ABOUT_MODELS = any_of(
    r"a\.?i\.?|(?:chat)?bots?|robots?|androids?|language models?|llms?|gpt\S*|artificial intelligence"
    r"|assistants?"
)


_HELD = re.compile(r"[:\n]\s*\S|(?<!\w)[\"'`«]\w")  # the instruction itself holds a text


def refusal(output: str, instruction: str, given: str) -> str:
    """Return the words in which the model declines or speaks of itself; empty if the task asks for such words."""
    text = visible(output)
    head = text[:_HEAD]
    itself = _SPEAKS_OF_ITSELF.search(head)
    if itself and not _ABOUT_MODELS.search(instruction):
        return itself[0]
    if _NOTHING_ELSE.fullmatch(text) and not _ASKS_TO_REFUSE.search(instruction):
        return text.rstrip(".!")
    other_voice = _OTHER_VOICE.search(instruction)
    if itself or _asked_for(instruction, visible(given)) or (other_voice and _ABOUT_MODELS.search(instruction)):
        return ""
    declines = matched(_DECLINES.match(head))
    if other_voice:
        return declines if len(text) < _SHORT else ""
    return declines or matched(_REGRETS.match(head)) or _cannot_do(head, instruction)


def _cannot_do(head: str, instruction: str) -> str:
    """Return the words in which the model says that it cannot answer, or cannot do what the instruction asks."""
    found = _CANNOT_DO.match(head)
    if not found:
        return ""
    meant = _ANSWERING.fullmatch(found[1]) or re.search(rf"\b{found[1]}\b", instruction, re.IGNORECASE)
    return found[0] if meant else ""


def _asked_for(instruction: str, given: str) -> bool:
    """Return True if the task asks for a refusal or regret, or if its answer repeats one from a text it works on."""
    if _ASKS_FOR_ONE.search(instruction):
        return True
    if not _CARRIES_OVER.search(instruction):
        return False
    source = given or matched(_HELD.search(visible(instruction)))
    # the source of a translation may refuse in a language that `_SAYS_NO` does not know
    return bool(source and re.search("translat", instruction, re.IGNORECASE)) or bool(
        _SAYS_NO.search(given or instruction)
    )


def speaks_as_a_model(instruction: str) -> str:
    """Return the words in which a model declines to write a task or speaks of itself; empty if a user speaks."""
    text = visible(instruction)
    if "?" in text:  # only users ask; a model declines in statements
        return ""
    return matched(_SPEAKS_OF_ITSELF.match(text) or _DECLINES.match(text) or _OFFERS.match(text))
