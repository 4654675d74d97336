"""The rules that reject an instance by its own text (paper, section 2.2, filtering)."""

from stages.contract.records import Instance
from stages.rules.absent import works_on_a_word
from stages.rules.addresses import only_an_address
from stages.rules.copies import copy_of_input, copy_of_instruction
from stages.rules.leaks import damage, service_error, tool_call
from stages.rules.placeholders import placeholder
from stages.rules.questions import asks_back
from stages.rules.refusals import refusal
from stages.rules.table import Rules
from stages.rules.words import visible

RULES: Rules[Instance] = {
    "output_empty": lambda row: "" if visible(row.output) else "no text",
    "output_repeats_input": lambda row: copy_of_input(row.output, row.input, row.instruction),
    "output_repeats_instruction": lambda row: copy_of_instruction(row.output, row.instruction),
    "output_placeholder": lambda row: placeholder(row.output, row.instruction, row.input),
    "output_refusal": lambda row: refusal(row.output, row.instruction, row.input),
    "output_asks_back": lambda row: asks_back(row.output, row.instruction, row.input),
    "output_service_error": lambda row: service_error(row.output, f"{row.instruction}\n{row.input}"),
    "output_tool_call": lambda row: tool_call(row.output, row.instruction),
    "output_damaged": lambda row: damage(row.output, f"{row.instruction}\n{row.input}"),
    "input_placeholder": lambda row: input_placeholder(row.input, row.instruction),
    "input_only_url": lambda row: only_an_address(row.input, row.instruction),
}
"""Applied in this order: the first rule that an instance breaks gives the reason."""


def input_placeholder(given: str, instruction: str) -> str:
    """Return the input if it is a placeholder; empty if it is not, or if the task works on a word or sign."""
    shown = visible(given)
    return placeholder(given, instruction) if shown and not works_on_a_word(shown, instruction) else ""
