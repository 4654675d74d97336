import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.text.instances import ParsedInstance, parse_instances
from stages.text.instructions import Instructions, parse_instructions
from stages.text.marks import spoken
from stages.text.verdicts import parse_verdict
from tests.answer_table import (
    ANSWERS,
    BROKEN,
    BROKEN_INSTANCES,
    CAPITAL,
    CUT_OFF,
    CUT_OFF_INSTANCES,
    FROM_BASE,
    FROM_CHAT,
    INPUT_FIRST,
    OUTPUT_FIRST,
    SEASON,
    answer,
    readings,
    style,
)

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
}
"""A start, what is repeated after it, and the reading that it is aimed at."""


def test_every_answer_has_a_test_and_every_test_an_answer() -> None:
    assert [reading.quirk for reading in readings()] == sorted(path.stem for path in ANSWERS.iterdir())


@pytest.mark.parametrize("named", ["base list", "chat tags", "chat prose", "reasoning"])
def test_there_are_answers_in_each_style(named: str) -> None:
    assert sum(style(reading) == named for reading in readings()) >= 12


@pytest.mark.parametrize(("quirk", "expected"), FROM_CHAT.items(), ids=FROM_CHAT)
def test_an_answer_of_a_chat_model_gives_its_instructions(quirk: str, expected: list[str]) -> None:
    found = parse_instructions(answer(quirk), truncated=False, continues=False)
    assert found == Instructions(expected, [])


@pytest.mark.parametrize(("quirk", "expected"), FROM_BASE.items(), ids=FROM_BASE)
def test_an_answer_of_a_base_model_gives_its_instructions(quirk: str, expected: list[str]) -> None:
    found = parse_instructions(answer(quirk), truncated=False, continues=True)
    assert found == Instructions(expected, [])


@pytest.mark.parametrize(("quirk", "expected"), CUT_OFF.items(), ids=CUT_OFF)
def test_an_answer_at_its_token_limit_loses_the_last_item_only(
    quirk: str, expected: tuple[list[str], list[str]]
) -> None:
    assert parse_instructions(answer(quirk), truncated=True, continues=False) == Instructions(*expected)


@pytest.mark.parametrize(("quirk", "expected"), BROKEN.items(), ids=BROKEN)
def test_an_answer_that_breaks_off_loses_its_last_item_whatever_the_server_says(
    quirk: str, expected: tuple[list[str], list[str]]
) -> None:
    assert parse_instructions(answer(quirk), truncated=False, continues=False) == Instructions(*expected)


@pytest.mark.parametrize(("quirk", "expected"), BROKEN_INSTANCES.items(), ids=BROKEN_INSTANCES)
def test_an_instance_that_breaks_off_is_cut_off_whatever_the_server_says(
    quirk: str, expected: list[tuple[str, str]]
) -> None:
    found = parse_instances(answer(quirk), output_first=False, truncated=False)
    assert [(instance.input, instance.output) for instance in found if not instance.cut_off] == expected
    assert found[-1].cut_off


def test_a_base_answer_at_its_token_limit_loses_the_last_item_only() -> None:
    found = parse_instructions(answer("base_model_continues_the_list"), truncated=True, continues=True)
    assert found == Instructions([SEASON, CAPITAL], ["Write a short thank-you note to a teacher."])


@pytest.mark.parametrize(("quirk", "expected"), INPUT_FIRST.items(), ids=INPUT_FIRST)
def test_an_input_first_answer_gives_its_instances(quirk: str, expected: list[tuple[str, str]]) -> None:
    found = parse_instances(answer(quirk), output_first=False, truncated=False)
    assert found == [ParsedInstance(*fields, cut_off=False) for fields in expected]


@pytest.mark.parametrize(("quirk", "expected"), OUTPUT_FIRST.items(), ids=OUTPUT_FIRST)
def test_an_output_first_answer_gives_its_instances(quirk: str, expected: list[tuple[str, str]]) -> None:
    found = parse_instances(answer(quirk), output_first=True, truncated=False)
    assert found == [ParsedInstance(*fields, cut_off=False) for fields in expected]


@pytest.mark.parametrize(("quirk", "expected"), CUT_OFF_INSTANCES.items(), ids=CUT_OFF_INSTANCES)
def test_an_answer_at_its_token_limit_marks_the_last_instance_as_cut_off(
    quirk: str, expected: tuple[bool, list[ParsedInstance]]
) -> None:
    output_first, instances = expected
    assert parse_instances(answer(quirk), output_first=output_first, truncated=True) == instances


@LAW
@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
@given(text=ANY_ANSWER)
def test_any_text_can_be_read(reading: Callable[[str], object], text: str) -> None:
    assert reading(text) == reading(text)


@LAW
@given(ANY_ANSWER, st.booleans())
def test_the_token_limit_moves_the_last_instruction_and_changes_no_other(text: str, continues: bool) -> None:
    free = parse_instructions(text, truncated=False, continues=continues)
    limited = parse_instructions(text, truncated=True, continues=continues)
    assert [item for item in limited.complete + limited.cut_off if item] == free.complete
    assert free.cut_off == []
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
def test_an_instance_is_never_empty_of_both_input_and_output_marks_only(text: str, output_first: bool) -> None:
    for instance in parse_instances(text, output_first=output_first, truncated=False):
        assert instance.output == instance.output.strip()
        assert instance.input == "" or instance.input.strip()


@LAW
@given(st.lists(st.text(string.ascii_letters + "äéñ中 ,:?", min_size=1).filter(str.strip), min_size=1, max_size=9))
def test_tasks_come_back_from_tags_as_they_were(tasks: list[str]) -> None:
    text = "\n".join(f"<task>Say {task}!</task>" for task in tasks)
    found = parse_instructions(text, truncated=False, continues=False)
    assert found.complete == [f"Say {task}!" for task in tasks]


@pytest.mark.parametrize(("start", "repeated", "aim"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_of_2_mb_is_read_in_linear_time(start: str, repeated: str, aim: str) -> None:
    # a reading that is not linear fails at one of the smaller sizes, within seconds
    for size in (16_000, 80_000, 2_000_000):
        text = f"{start}{repeated * (size // len(repeated))}x"
        for name, reading in READINGS.items():
            if name == aim or size == 16_000:
                started = time.process_time()
                reading(text)
                assert time.process_time() - started < 2, f"{name}, {size:,} characters"
