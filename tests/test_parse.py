"""Whole answers of models, each read as a person reads it; `tests/answer_table.py` holds the right results."""

import pytest

from stages.text.instances import ParsedInstance, parse_instances
from stages.text.instructions import Instructions, parse_instructions
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


def test_the_answer_files_and_the_table_match() -> None:
    assert [reading.quirk for reading in readings()] == sorted(path.stem for path in ANSWERS.iterdir())


@pytest.mark.parametrize("named", ["base list", "chat tags", "chat prose", "reasoning"])
def test_the_table_covers_each_style(named: str) -> None:
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
def test_an_answer_that_breaks_off_loses_its_last_item_whatever_the_finish_reason(
    quirk: str, expected: tuple[list[str], list[str]]
) -> None:
    assert parse_instructions(answer(quirk), truncated=False, continues=False) == Instructions(*expected)


@pytest.mark.parametrize(("quirk", "expected"), BROKEN_INSTANCES.items(), ids=BROKEN_INSTANCES)
def test_an_instance_that_breaks_off_is_cut_off_whatever_the_finish_reason(
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
