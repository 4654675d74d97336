"""Takes an item apart if a model joined an instruction with its own talk, an answer or a second task."""

import re
from collections.abc import Iterator

from stages.text.names import ANSWER, COLON, INPUT, INSTRUCTION, OUTPUT, QUALIFIER

_SENTENCE_END = r"(?<=[.!?:。！？：)\"”])"
_NUMBER = r"(?:\d{1,3}[.):][ \t]*+)?"
_BOLD = r"[*_#]{0,3}"
_FIELD = rf"{_BOLD}[ \t]*+{QUALIFIER}(?:{INPUT}|{OUTPUT}|{ANSWER})(?:[ \t]?\d{{1,2}})?{_BOLD}{COLON}"
_ANSWERED = re.compile(
    rf"(?:^[ \t]*+{_NUMBER}(?:[-•][ \t]++)?|{_SENTENCE_END}[ \t]++|(?<=[。！？]))(?:{_FIELD})", re.M | re.I
)
_SECOND_TASK = re.compile(
    rf"(?:\n[ \t]*+|{_SENTENCE_END}[ \t]++){_NUMBER}"
    rf"{_BOLD}(?:(?:next|new|another|second) )?(?:{INSTRUCTION})(?:[ \t]?#?\d{{1,3}})?{_BOLD}{COLON}{_BOLD}[ \t]*+",
    re.I,
)
# base models separate tasks by `##`
_HASHES = re.compile(rf"(?:\n[ \t]*+|{_SENTENCE_END}[ \t]++)#{{2,6}}(?:[ \t]++(?=\S)|[ \t]*+(?=\n|\Z))")
_TALK = re.compile(
    r"(?:(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|alright|(?:great|good)(?: question| idea)?"
    r"|got it|no problem|gerne|natürlich|klar"
    r"|claro(?: que sí)?|por supuesto|bien sûr|d'accord|certo"
    r"|конечно|当然可以|当然|好的|もちろん)\s?[!.,:！。，：]\s*)",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"(?:and )?(?:here(?:'s|’s| is| are| comes)|this is|the (?:next|new|first|second|last)"
    r"|my (?:next|new)|another|next|new"
    r"|hier ist|voici|aquí (?:está|tienes)|ecco)\b[^.!?:\n]{0,60}?\b"
    r"(?:tasks?|instructions?|one|idea|suggestion|aufgabe|tâche|tarea|compito)(?: for you| is| below)?\s?[:：]\s*",
    re.IGNORECASE,
)


_QUESTION = re.compile(r"Q(?:uestion)?[ \t]*:\s*+(?P<task>.*?\S)\s++A(?:nswer)?[ \t]*:.*", re.DOTALL)
_RULED = re.compile(rf"{_SENTENCE_END}[ \t]+(?:-{{3,}}|={{3,}}|\*{{3,}}|\|)[ \t]+(?=\S)")
# the item may end in a label: "Name a river. (Classification: no)"
_VERDICT = re.compile(
    r"(?<!\s)\s++[(\[*_]{0,3}(?:is )?classification(?: task)?[*_]{0,2}[:?][*_]{0,2} *(?:yes|no)\b\W{0,3}\Z", re.I
)
_LAST_WORDS = re.compile(
    r"(?<=[.!?])\s+(?:let me know|feel free|i hope|hope (?:this|these)"
    r"|(?:would you|do you) (?:like|want|need) (?:me|more)"
    r"|is there anything)\b[^\n]{0,60}?"
    r"\b(?:tasks?|instructions?|more|helps?|helpful|questions?|changes?|else)\b[^\n]{0,60}\Z",
    re.IGNORECASE,
)


def separate(text: str) -> Iterator[str]:
    """Yield the instructions in a text, without talk before or after them and without an input or answer after them.

    Example: "Sure! Sort the words. Output: a, b. 2. Task: Name a river." gives "Sort the words." and "Name a river."
    """
    answered_question = _QUESTION.fullmatch(text)
    said = answered_question["task"] if answered_question else text
    for part in _SECOND_TASK.split(said):
        for piece in _between_signs(part):
            yield _without_talk(_without_answer(piece)).strip()


def _without_answer(text: str) -> str:
    """Return a text without the answer at its end; after a colon it is a form and stays: "as follows: Answer: yes"."""
    answered = _ANSWERED.search(text)
    form = answered and "\n" not in answered[0] and text[: answered.start()].rstrip().endswith((":", "："))
    return text[: answered.start()] if answered and not form else text


def _between_signs(text: str) -> list[str]:
    """Return the instructions between signs such as `##`; the whole text if a piece is no sentence but a heading."""
    pieces = [""]
    for piece in _HASHES.split(_RULED.sub("\n## ", text)):
        if pieces == [""]:
            pieces = [piece]
        elif not piece.strip() or piece.rstrip(" \t\r\n*_\"'”’)").endswith((".", "!", "?", "。", "！", "？")):
            pieces.append(piece)
        else:
            return [text]
    return pieces


def _without_talk(text: str) -> str:
    """Return an instruction without talk such as "Sure! Here is a task:" before it or "Let me know …" after it."""
    text = _LAST_WORDS.sub("", _VERDICT.sub("", text))
    for talk in (_TALK, _ANNOUNCED):
        opening = talk.match(text)
        if opening and text[opening.end() :].strip():
            text = text[opening.end() :]
    return text
