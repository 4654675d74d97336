"""Finds outputs that copy the input or the instruction, and instances that repeat another one."""

import re

from stages.contract.records import Instance
from stages.rules.words import any_of, folded, visible

_MAY_STAY = any_of(  # a task that may leave a text as it is
    r"if (?:\w+ ){0,3}(?:necessary|needed|any|required|wrong|incorrect"
    r"|an? (?:error|mistake|typo)|errors|mistakes)|where (?:necessary|needed)|unchanged"
    r"|leave it|keep it|verbatim|copy|repeat|as (?:it is|is)|otherwise|echo|palindrome\w*"
)
_ABOUT_FORM = any_of(  # a task whose answer may differ from its input only in case and punctuation
    r"capital\w*|(?:upper|lower|title|sentence)[- ]?case\w*|case|correct|correctly|corrected|punctuat\w+"
    r"|grammar\w*|grammatical\w*|spell\w*|format\w*|edit|proofread|clean\w*|trim|strip|normali[sz]\w*|quotes?"
    r"|quotation marks?|commas?|apostrophes?|full stops?|exclamation\w*|emphas\w+|bold|italics?|markdown"
    r"|whitespace|spaces?|fix|errors?|mistakes?|title|typo\w*|remove|delete|add|insert|convert|acronym"
    r"|proper nouns?|letters?|abbreviat\w+|tone|excited|question"
)
_NUMBER = re.compile(r"[-+]?\d[\d.,  ]*%?")
_CALCULATES = re.compile(r"[\d{}()=<>+*/]")  # signs matter in formulas and code
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s.,;:!?'\"–—-]")  # an emoji counts, a comma does not
_SENTENCE = 3  # words at least; a shorter text may be its own answer
# the instruction ends in its own answer: "Name a river. Answer: the Rhine"
_CARRIES = re.compile(
    r"(?:answer|output|solution|result|response|sample answer|correct answer)s?(?: is)?:\s*$", re.IGNORECASE
)


def copy_of_input(output: str, given: str, instruction: str) -> str:
    """Return the output if it is the input, or a sentence that differs from it only in case and punctuation.

    A task about case or punctuation may have such an output. A number may be its own answer: the absolute value of 5.
    """
    shown, source = visible(output), visible(given)
    if not shown or _MAY_STAY.search(instruction):
        return ""
    if shown == source:
        return "" if _NUMBER.fullmatch(shown) or not any(letter.isalnum() for letter in shown) else shown
    return shown if _same_sentence(output, given) and not _ABOUT_FORM.search(instruction) else ""


def _same_sentence(text: str, other: str) -> bool:
    words, others = (_WORD_OR_SIGN.findall(folded(each)) for each in (text, other))
    return words == others and len(words) >= _SENTENCE and not _CALCULATES.search(text + other)


def copy_of_instruction(output: str, instruction: str) -> str:
    """Return the output if it is the instruction, or the part after its first line, its first colon or "Answer:"."""
    answer = folded(output)
    if not answer or _MAY_STAY.search(instruction):
        return ""
    if answer == folded(instruction):
        return visible(output)
    task = visible(instruction).casefold()
    tails = [tail for separator in ("\n", ":") if (tail := task.partition(separator)[2])]
    if any(answer == folded(tail) for tail in tails) and not _ABOUT_FORM.search(task):
        return visible(output)
    end = task.rstrip(" .!)\"'").rfind(answer)
    carried = end > 0 and folded(task[end:]) == answer and _CARRIES.search(task[:end])
    return visible(output) if carried else ""


def key(instance: Instance) -> tuple[str, str, str]:
    """Return the same key for instances that differ only in case, spaces, quotes around a text and unseen characters.

    If the input and the output differ only in these, the task is about them, so the input is compared as written.
    """
    given, output = folded(instance.input), folded(instance.output)
    return folded(instance.instruction), visible(instance.input) if given == output else given, output
