"""Outputs that copy, and instances that say the same twice."""

import re

from stages.contract.records import Instance
from stages.rules.words import any_of, folded, visible

_MAY_STAY = any_of(  # a task that may leave a text as it is
    r"if (?:\w+ ){0,3}(?:necessary|needed|any|required|wrong|incorrect"
    r"|an? (?:error|mistake|typo)|errors|mistakes)|where (?:necessary|needed)|unchanged"
    r"|leave it|keep it|verbatim|copy|repeat|as (?:it is|is)|otherwise|echo|palindrome\w*"
)
_ABOUT_FORM = any_of(  # a task whose answer may differ from its input in case and signs alone
    r"capital\w*|(?:upper|lower|title|sentence)[- ]?case\w*|case|correct|correctly|corrected|punctuat\w+"
    r"|grammar\w*|grammatical\w*|spell\w*|format\w*|edit|proofread|clean\w*|trim|strip|normali[sz]\w*|quotes?"
    r"|quotation marks?|commas?|apostrophes?|full stops?|exclamation\w*|emphas\w+|bold|italics?|markdown"
    r"|whitespace|spaces?|fix|errors?|mistakes?|title|typo\w*|remove|delete|add|insert|convert|acronym"
    r"|proper nouns?|letters?|abbreviat\w+|tone|excited|question"
)
_NUMBER = re.compile(r"[-+]?\d[\d.,  ]*%?")
_CALCULATES = re.compile(r"[\d{}()=<>+*/]")  # signs matter in formulas and code
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s.,;:!?'\"–—-]")  # an emoji counts, a comma does not
_SENTENCE = 3  # words
_CARRIES = re.compile(
    r"(?:answer|output|solution|result|response|sample answer|correct answer)s?(?: is)?:\s*$", re.IGNORECASE
)


def copy_of_input(output: str, given: str, instruction: str) -> str:
    """Return the output if it is the input again, or a sentence that differs from it in case and punctuation alone.

    A task about case or signs may answer so, and a number may be its own answer, as the absolute value of 5 is.
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
    """Return the output if it is the instruction again, or all of it behind the first line, a colon or "Answer:"."""
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
    """Return what two instances share that say the same: all three texts apart from case, blanks and unseen characters.

    Where the output differs from the input in such things alone, they are the task, and the input counts as it stands.
    """
    given, output = folded(instance.input), folded(instance.output)
    return folded(instance.instruction), visible(instance.input) if given == output else given, output
