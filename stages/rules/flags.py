"""Doubts about an instance that do not reject it; `filter.drop_flags` turns doubts into reasons."""

import re

from stages.contract.records import Instance
from stages.rules.loops import loop, repeated_line
from stages.rules.table import Rules
from stages.rules.words import any_of, visible

_REFERS_TO_INPUT = any_of(
    r"the (?:following|given|provided)|(?:text|list|table|sentence|paragraph|passage) below|below is"
)
_HELD = re.compile(r"[:\n]\s*\S|(?<!\w)[\"“‘'`«]\w")  # behind a colon or a line break, or quoted

FLAGS: Rules[Instance] = {
    "input_missing": lambda row: "" if row.input else missing_input(row.instruction),
    "output_repeats": lambda row: repeats(row.output, row.instruction, row.input),
}


def missing_input(instruction: str) -> str:
    """Return the words that speak of a text which neither an input nor the instruction itself holds."""
    found = _REFERS_TO_INPUT.search(instruction)
    return found[0] if found and not _HELD.search(visible(instruction)) else ""


def repeats(output: str, instruction: str, given: str) -> str:
    """Return what is repeated in an output: a line four times in a row, or a phrase over and over."""
    return repeated_line(output, instruction, given) or loop(output, instruction)
