"""What rejects an instance by its own text (paper, section 2.2, filtering)."""

import re

from stages.contract.records import Instance
from stages.rules.table import Rules

_PLACEHOLDER = re.compile(
    r"\W*(?:n/?a|no output|not applicable|to be (?:added|completed|determined))?\W*"
    r"|\W*[\[<{(](?:your|insert|add|put|write|the) [\w ]{1,40}[\]>})]\W*",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:i'?m sorry\b|i am sorry\b|sorry,|i (?:can'?t|cannot|am (?:unable|not able)|'?m (?:unable|not able))\b"
    r"|as an? (?:ai|language model)\b|unfortunately, i (?:can|am))",
    re.IGNORECASE,
)
_URL = re.compile(r"\s*(?:https?://|www\.)\S+\s*", re.IGNORECASE)

RULES: Rules[Instance] = {
    "output_empty": lambda instance: "" if instance.output.strip() else "no text",
    "output_repeats_input": lambda instance: same_text(instance.output, instance.input),
    "output_repeats_instruction": lambda instance: same_text(instance.output, instance.instruction),
    "output_placeholder": lambda instance: instance.output if is_placeholder(instance.output) else "",
    "output_refusal": lambda instance: matched(_REFUSAL.match(instance.output.replace("’", "'"))),
    "input_placeholder": lambda instance: instance.input if is_placeholder(instance.input) else "",
    "input_only_url": lambda instance: matched(_URL.fullmatch(instance.input)),
}
"""The first rule that an instance breaks names the reason."""


def is_placeholder(text: str) -> bool:
    """Return whether a text stands for one still to be written, such as `[your answer here]`, `N/A` or `...`.

    Signs alone, such as `-` or `!!!`, count as one; a number or a word never does.
    """
    signs_alone = not re.search(r"\w", text)
    return bool(text.strip()) and (signs_alone or (len(text) < 200 and bool(_PLACEHOLDER.fullmatch(text))))


def same_text(text: str, other: str) -> str:
    """Return the text if the other one is equal but for white space around it, else an empty text."""
    return text.strip() if text.strip() == other.strip() else ""


def matched(match: re.Match[str] | None) -> str:
    """Return the text of a match, empty where there is none."""
    return match[0] if match else ""
