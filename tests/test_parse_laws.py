"""Laws of parsing: any text can be read, in linear time, and the text inside a part stays unchanged."""

import re
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.text.instances import parse_instances
from stages.text.instructions import parse_instructions
from stages.text.marks import spoken
from stages.text.verdicts import parse_verdict
from tests.repository import ROOT

LAW = settings(deadline=None, derandomize=True)
FRAGMENTS = [
    *("<think>", "</think>", "<task>", "</task>", "<TASK>", "<input>", "</input>", "<output>", "</output>"),
    *("<label>", "</label>", "Example 1\n", "Example 2\n", "\nInput: ", "\nOutput: ", "\nClass label: ", "\nLabel: "),
    *(
        "1. ",
        "\n2) ",
        "\n- ",
        "\n**3.** ",
        '["',
        '", "',
        '"]',
        "[[",
        "]",
        "{",
        "**",
        '"',
        "“",
        "`",
        "\\",
        "\n\n",
        "yes",
    ),
    *(
        "<|im_end|>",
        "<|im_start|>user\n",
        "</s>",
        "[INST]",
        "<|channel|>final<|message|>",
        "```\n",
        "```python\n",
        "~~~\n",
    ),
    *(
        "(1) ",
        "1、",
        "Task 2: ",
        "### Input\n",
        "**Output**: ",
        "Input 2: ",
        "Answer: ",
        "###\n",
        '{"input": "',
        "<![CDATA[",
    ),
    *("a. Output: ", "Sure! ", "Rules:\n", "is a classification task.", "Answer: no", "and no", "\\boxed{"),
    *("Task 1: ", " " * 9, "\x85", "\u2028", "\r\n", "\0", "\ud800", "\\ud800", "٣. ", "²"),
]
ANY_ANSWER = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8))).map("".join)

READINGS: dict[str, Callable[[str], object]] = {
    "spoken": spoken,
    "instructions": lambda text: parse_instructions(text, truncated=False, continues=False),
    "instructions_truncated": lambda text: parse_instructions(text, truncated=True, continues=False),
    "instructions_continued": lambda text: parse_instructions(text, truncated=True, continues=True),
    "verdict": parse_verdict,
    "instances_input_first": lambda text: parse_instances(text, output_first=False, truncated=True),
    "instances_output_first": lambda text: parse_instances(text, output_first=True, truncated=False),
}

HOSTILE: dict[str, tuple[str, str, str]] = {
    "unclosed_tasks": ("", "<task>", "instructions"),
    "task_headings_of_blanks": ("<task>Task", " ", "instructions"),
    "numbers": ("", "1. a\n", "instructions"),
    "growing_brackets": ("", "[", "instructions"),
    "open_json_strings": ("", '["', "instructions_truncated"),
    "nested_json_lists": ('["a", ', "[", "instructions_truncated"),
    "one_long_number": ('["a", ', "1", "instructions_truncated"),
    "blank_lines": ("1. a", "\n", "instructions_continued"),
    "bold": ("1. ", "**", "instructions"),
    "nested_thinking": ("", "<think>", "spoken"),
    "closed_thinking": ("", "</think>", "spoken"),
    "signs_before_a_verdict": ("", "-", "verdict"),
    "open_labels": ("", "<label>", "verdict"),
    "unclosed_inputs": ("", "<input>", "instances_input_first"),
    "inputs_and_outputs_in_turn": ("", "<input><output>", "instances_input_first"),
    "inputs_inside_an_output": ("<output>", "<input></output", "instances_input_first"),
    "examples": ("", "Example 1\n", "instances_input_first"),
    "example_with_blanks": ("Input: a\nExample 1", " ", "instances_input_first"),
    "examples_with_markers": ("", "Example 1\nInput:\n", "instances_input_first"),
    "class_label_with_blanks": ("Class label: a", " ", "instances_output_first"),
    "class_labels": ("", "Class label: a\n", "instances_output_first"),
    "inputs_on_one_line": ("Class label: a", " Input: b", "instances_output_first"),
    "closed_tasks": ("", "<task>a</task>", "instructions"),
    "bullets": ("", "- a\n", "instructions"),
    "rules": ("", "Rules:\n1. a\n\nx\n", "instructions"),
    "blank_lines_in_an_item": ("1. a\n", "\n", "instructions"),
    "line_separators_in_an_item": ("1. a\n", "\u2028", "instructions"),
    "blanks_in_an_item": ("1. a\n", " ", "instructions"),
    "separators_in_an_item": ("1. a", "\n###", "instructions"),
    "second_tasks": ("<task>", "a. Task: b ", "instructions"),
    "hashes_in_a_task": ("<task>", "a. ## b", "instructions"),
    "headings_with_blanks": ("Task", " ", "instructions"),
    "other_tags": ("", "<prompt><question>", "instructions"),
    "mentioned_tags": ("", "a <task> and ", "instructions"),
    "objects": ("", '{"a": 1}', "instructions"),
    "trailing_commas": ("[", ",", "instructions"),
    "fences": ("", "```\n", "instructions"),
    "fences_with_a_language": ("", "```python\n", "instances_input_first"),
    "growing_fences": ("", "`", "spoken"),
    "code_marks": ("", "`a", "spoken"),
    "end_marks": ("", "</s>", "spoken"),
    "turns": ("", "<|im_end|>\n<|im_start|>user\na", "spoken"),
    "turns_of_mistral": ("", "[INST][/INST]", "spoken"),
    "channels": ("", "<|channel|>analysis<|message|>", "spoken"),
    "citations": ("", ":contentReference[", "spoken"),
    "lost_channels": ("", "analysisassistant", "spoken"),
    "blank_lines_before_a_verdict": ("yes", "\n", "verdict"),
    "signs_after_a_verdict": ("yes", "!", "verdict"),
    "blanks_in_a_label": ("<label>yes", " ", "verdict"),
    "claims": ("", "this is ", "verdict"),
    "labels_of_verdicts": ("", "answer: ", "verdict"),
    "pairs": ("", "Input: a\n\nOutput: b\n\n", "instances_input_first"),
    "pairs_between_hashes": ("", "###\n\nInput: a\nOutput: b\n", "instances_input_first"),
    "pairs_in_code": ("Input: a\nOutput: b\n", "```\nInput: a\n```\n", "instances_input_first"),
    "markers_with_blanks": ("Input: a\nOutput", " ", "instances_input_first"),
    "json_pairs": ("", '{"input": "a", "output": "b"}\n', "instances_input_first"),
    "rulers": ("|a|\n|", "-", "instructions"),
    "rows": ("|a|\n|-|\n", "|a|\n", "instances_input_first"),
    "open_rows": ("|", "a ", "instructions"),
    "open_html_items": ("", "<li>", "instructions"),
    "blanks_in_an_html_item": ("<li>a", " ", "instructions"),
    "open_python_strings": ("", "['", "instructions"),
    "python_strings": ("[", "'a' ", "instructions"),
    "escaped_tags": ("", "&lt;task&gt;", "instructions"),
    "square_tags": ("", "[TASK]\n", "instructions"),
    "backslashes": ("\\<task>", "\\<", "instructions"),
    "questions_with_blanks": ("<task>Q:", " ", "instructions"),
    "blanks_before_a_verdict_of_a_task": ("<task>a.", " ", "instructions"),
    "rules_in_a_task": ("<task>", "a. --- b", "instructions"),
    "last_words": ("<task>", "a. I hope ", "instructions"),
    "tasks_on_one_line": ("<task>1. ", "A. 2. ", "instructions"),
    "next_turns": ("a", ".\n\nHuman: a\n", "instances_input_first"),
    "outputs_on_one_line": ("Input: a", " Output: b", "instances_input_first"),
    "generated": ("", "this is a-a ", "verdict"),
    "since": ("", "since a ", "verdict"),
    "questions": ("", "is a classification ", "verdict"),
    "character_data": ("<output>", "<![CDATA[", "instances_input_first"),
}
"""The start of a text, the part repeated after it, and the parser that it targets."""

MOST_SECONDS = 6
"""Limit for 1 MB in processor seconds: three times that of the densest text (250,000 items) on a busy machine."""


@LAW
@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
@given(text=ANY_ANSWER)
def test_any_text_can_be_read(reading: Callable[[str], object], text: str) -> None:
    assert reading(text) == reading(text)


@LAW
@given(ANY_ANSWER, st.booleans())
def test_the_token_limit_marks_the_last_instruction_and_changes_no_other(text: str, continues: bool) -> None:
    free = parse_instructions(text, truncated=False, continues=continues)
    limited = parse_instructions(text, truncated=True, continues=continues)
    assert [item for item in limited.complete + limited.cut_off if item] == free.complete + list(
        filter(None, free.cut_off)
    )
    assert free.cut_off in ([], limited.cut_off)
    assert len(limited.cut_off) <= 1


@LAW
@given(ANY_ANSWER, st.booleans())
def test_the_token_limit_marks_the_last_instance_at_most(text: str, output_first: bool) -> None:
    free = parse_instances(text, output_first=output_first, truncated=False)
    limited = parse_instances(text, output_first=output_first, truncated=True)
    assert [instance._replace(cut_off=False) for instance in limited] == [
        instance._replace(cut_off=False) for instance in free
    ]
    assert not any(instance.cut_off for instance in limited[:-1])


@LAW
@given(ANY_ANSWER, st.booleans())
def test_an_input_is_never_blank_and_an_output_never_ends_in_white_space(text: str, output_first: bool) -> None:
    for instance in parse_instances(text, output_first=output_first, truncated=False):
        assert instance.output == instance.output.rstrip(" \t\r\n")
        assert instance.input == "" or instance.input.strip()


@LAW
@given(st.lists(st.text(string.ascii_letters + "äéñ中 ,:?", min_size=1).filter(str.strip), min_size=1, max_size=9))
def test_tasks_in_tags_are_read_back_unchanged(tasks: list[str]) -> None:
    text = "\n".join(f"<task>Say {task}!</task>" for task in tasks)
    found = parse_instructions(text, truncated=False, continues=False)
    assert found.complete == [f"Say {task}!" for task in tasks]


WRITTEN = st.text(alphabet="ab7 \t\n\u2028\u2029\x85\f\v\xa0é中-*_#.,;(){}=+/'👩\u200d", min_size=1).filter(
    lambda text: (
        text.strip(" \t\n") and text[0] != "\n" and text[-1] not in " \t\n" and text.split("\n")[0].strip(" \t")
    )
)
"""Texts without our tags and marks that neither start with a blank line nor end in white space."""


@LAW
@given(WRITTEN, WRITTEN)
def test_a_tagged_field_on_its_own_lines_is_read_back_byte_for_byte(given_text: str, output: str) -> None:
    text = f"<input>\n{given_text}\n</input>\n<output>\n{output}\n</output>"
    [found] = parse_instances(text, output_first=False, truncated=False)
    assert found.output == output
    assert found.input == (given_text if given_text.strip() else "")


@LAW
@given(WRITTEN, st.sampled_from(["Output:\n{}", "**Output**:\n{}", "### Response:\n{}", "Input: a\nOutput:\n{}"]))
def test_a_field_below_its_marker_is_read_back_byte_for_byte(output: str, form: str) -> None:
    code = f"```\n{output}\n```"
    [found] = parse_instances(
        form.format(code) if "Resp" not in form else f"Input: a\n{form.format(code)}",
        output_first=False,
        truncated=False,
    )
    assert found.output == code


@LAW
@given(st.lists(WRITTEN, min_size=1, max_size=4), st.sampled_from(["{}. ", "({}) ", "{}、", "Task {}: ", "**{}.** "]))
def test_code_inside_an_item_is_read_back_byte_for_byte(blocks: list[str], mark: str) -> None:
    items = [f"Explain this code:\n```\n{block}\n```" for block in blocks]
    text = "\n".join(mark.format(number) + item for number, item in enumerate(items, start=1))
    assert parse_instructions(text, truncated=False, continues=False).complete == items


@pytest.mark.parametrize("size", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("start", "repeated", "aim"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_is_read_in_linear_time(start: str, repeated: str, aim: str, size: int) -> None:
    text = f"{start}{repeated * (size // len(repeated))}x"
    started = time.process_time()
    READINGS[aim](text)
    assert time.process_time() - started < 0.5 + MOST_SECONDS * size / 1_000_000


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_each_parser_reads_the_hostile_answers_meant_for_others(reading: Callable[[str], object]) -> None:
    for start, repeated, _ in HOSTILE.values():
        started = time.process_time()
        reading(f"{start}{repeated * (4_000 // len(repeated))}x")
        assert time.process_time() - started < MOST_SECONDS / 10


def test_no_pattern_has_a_possessive_group() -> None:
    """Python 3.11.0 to 3.11.4 match such a group wrongly; a possessive character or character class is right there."""
    sources = [*(ROOT / "stages").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    found = [str(path) for path in sources if re.search(r"\)(?:[*+?]|\{[\d,]+\})\+|\(\?>", path.read_text("utf-8"))]
    assert found == []
