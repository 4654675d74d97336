"""Flags for doubtful instances; a flag rejects an instance only if `filter.drop_flags` names it."""

import re

from stages.contract.records import Instance
from stages.rules.loops import loop, repeated_line
from stages.rules.table import Rules
from stages.rules.words import any_of, visible

_REFERS_TO_INPUT = any_of(
    r"the (?:following|given|provided)|(?:text|list|table|sentence|paragraph|passage) below|below is"
)
_HELD = re.compile(r"[:\n]\s*\S|(?<!\w)[\"“‘'`«]\w")  # the text itself: after a colon or a line break, or in quotes

FLAGS: Rules[Instance] = {
    "input_missing": lambda row: "" if row.input else missing_input(row.instruction),
    "output_repeats": lambda row: repeats(row.output, row.instruction, row.input),
}


def missing_input(instruction: str) -> str:
    """Return the words that refer to a text, if the instruction does not hold that text itself."""
    found = _REFERS_TO_INPUT.search(instruction)
    return found[0] if found and not _HELD.search(visible(instruction)) else ""


def repeats(output: str, instruction: str, given: str) -> str:
    """Return what an output repeats: a line four times in a row, or a phrase over and over."""
    return repeated_line(output, instruction, given) or loop(output, instruction)
