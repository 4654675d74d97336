import string
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.text.instances import ParsedInstance, parse_instances
from stages.text.instructions import Instructions, parse_instructions
from stages.text.marks import spoken
from stages.text.verdicts import parse_verdict

LAW = settings(deadline=None, derandomize=True)
ANSWERS = Path(__file__).parent / "answers"


def answer(quirk: str) -> str:
    return (ANSWERS / f"{quirk}.txt").read_bytes().decode()


RIVER, WORDS, PICNIC = "Name a river.", "Sort the given words.", "Plan a picnic."
SEASON, CAPITAL = "Describe your favourite season in three sentences.", "What is the capital of the given country?"

FROM_CHAT: dict[str, list[str]] = {
    "chat_preamble_and_closing_remark": [
        "Name a river that crosses more than two countries.",
        "Rewrite the given sentence without the letter e.",
        "Plan a picnic for six people and one dog.",
    ],
    "tagged_tasks": ["Compare two kinds of cheese in one sentence.", "Sort the given words by their last letter."],
    "tagged_tasks_with_talk": [
        "Compare two kinds of cheese in one sentence.",
        "Sort the given words by their last letter.",
    ],
    "tags_in_capitals": [RIVER, WORDS],
    "tags_that_never_close": [RIVER, WORDS, PICNIC],
    "task_of_several_lines": ["Answer both questions:\n1. Who wrote the letter?\n2. Who received it?", RIVER],
    # `generate` rejects the first: it holds no word
    "literal_placeholder_task": ["…", RIVER],
    "brackets_and_colons_after_numbers": [RIVER, WORDS, PICNIC],
    "bold_numbers": [RIVER, WORDS, PICNIC, "Use **bold** words in a headline."],
    "bullets": [RIVER, WORDS, PICNIC],
    "headings_inside_items": [RIVER, WORDS, PICNIC],
    "quoted_items": [RIVER, WORDS, PICNIC, '"Halt" or "stop": which one is ruder than "wait"'],
    "json_list": [RIVER, 'Say "hello" in three languages.', "Sort the given words:\nb, a"],
    "json_list_in_a_fence": [RIVER, WORDS],
    "json_list_inside_a_numbered_item": [
        'Sort this list: ["pear", "apple"]',
        'Count the words in ["one two", "three"].',
    ],
    "json_list_of_objects": [RIVER, PICNIC],
    "json_half_of_a_surrogate_pair": ["Say ? with a face.", RIVER],
    "capitals_colons_and_numbers": [
        "Explain why the USA and NASA chose Python",
        "Remind Bob of the meeting at 10:30 with Ann:",
        "iPhone or Android: which one suits my grandmother?",
    ],
    "year_at_the_start_of_a_line": [
        "Summarise what happened in the spring of\n2016. Use two sentences.",
        RIVER,
    ],
    "own_steps_inside_an_item": [
        RIVER,
        WORDS,
        "Follow these steps:\n1. Read the text.\n2. Count its sentences.",
        PICNIC,
    ],
    "bullets_inside_a_numbered_item": ["Choose the better reply:\n   - Yes, of course.\n   - Yeah.", RIVER],
    "numbers_inside_a_bullet": ["Put the steps in order:\n  1. Bake.\n  2. Mix.", RIVER],
    "many_languages": [
        "用三句话描述你最喜欢的季节。",
        "Назови реку, которая течёт через две страны.",
        "Écris un poème sur l'été.",
        "اكتب رسالة شكر قصيرة.",
        "¿Cuál es la capital del país dado?",
    ],
    "no_list_at_all": [],
    "reasoning_before_the_tasks": [RIVER],
    "reasoning_without_its_opening_tag": [RIVER, WORDS],
    "reasoning_that_never_ends": [],
    "reasoning_twice": [RIVER, WORDS],
    "reasoning_inside_reasoning": [RIVER],
}
"""Answers of chat models that ended by themselves -> their instructions."""

FROM_BASE: dict[str, list[str]] = {
    "base_model_continues_the_list": [SEASON, CAPITAL, "Write a short thank-you note to a teacher."],
    "base_model_starts_numbering_again": [SEASON, CAPITAL],
    "base_model_writes_one_line": [SEASON],
    "json_list_inside_a_base_answer": ['Sort this list: ["pear", "apple"]', RIVER],
    "year_at_the_end_of_a_sentence": [
        "Invent the plot of a movie released in 2016. Then name its hero.",
        "Multiply 4 by 16. Explain each step.",
        "Describe the year 2020.",
    ],
}
"""Answers that go on after an open number -> their instructions."""

CUT_OFF: dict[str, tuple[list[str], list[str]]] = {
    "length_limit_inside_the_third_item": ([RIVER, WORDS], ["Plan a picnic for six peo"]),
    "length_limit_inside_a_tag": ([RIVER, WORDS], ["Plan a picnic for six peo"]),
    "length_limit_after_a_closed_tag": ([RIVER, WORDS], []),
    "json_list_cut_off_inside_an_item": ([RIVER, WORDS], ["Plan a pic"]),
    "json_list_cut_off_between_items": ([RIVER], [WORDS]),
}
"""Answers that hit their token limit -> instructions that are complete, and the one that is not."""

KETTLE = ("kettle", "The kettle whistled.")
KETTLE_AND_WINDOW = ("kettle, window", "She opened the window when the kettle whistled.")
BRIDGE_AND_FOG = ("bridge, fog", "The bridge had vanished in the fog.")

INPUT_FIRST: dict[str, list[tuple[str, str]]] = {
    "tagged_instances": [KETTLE_AND_WINDOW, BRIDGE_AND_FOG],
    "tagged_instances_with_talk": [KETTLE_AND_WINDOW],
    "empty_input_tag": [("", "The Danube.")],
    "blank_input_tag": [("", "The Danube.")],
    "output_tag_alone": [("", "The Danube.")],
    "indentation_and_blank_lines": [
        ("    def double(n):\n        return n + n", "def double(n):\n\n    return 2 * n  # not n + n")
    ],
    "direct_answer": [("", "The Danube crosses ten countries:\n\n- Germany\n- Austria")],
    "numbered_examples": [KETTLE_AND_WINDOW, ("bridge, fog", f"{BRIDGE_AND_FOG[1]}\nIt came back at noon.")],
    "markdown_examples": [KETTLE_AND_WINDOW, BRIDGE_AND_FOG],
    "example_numbers_with_a_gap": [KETTLE, ("bridge", "The bridge had vanished.")],
    "first_example_without_its_number": [KETTLE, ("bridge", "The bridge had vanished.")],
    "output_without_an_input": [
        ("", "1. Keep a room open in the evening.\n2. Let young readers choose the books."),
    ],
    "input_without_an_output": [("kettle, window", "")],
    "word_example_inside_an_output": [
        (
            "serendipity",
            "A happy discovery that nobody planned.\n"
            "Example sentence: It was pure serendipity.\nExample: We met by serendipity.",
        )
    ],
    "line_example_1_inside_an_output": [
        (
            "",
            "A lesson on fractions has two parts.\nExample 1\nHalve an apple.\nExample 2\nCut a cake into eight.",
        )
    ],
    "output_marker_twice": [("2", "The program prints this:\nOutput: 4\nIt is the square.")],
    "input_marker_inside_code": [("a number", 'print("\nInput: ")\nnumber = int(input())')],
    "label_line_inside_an_output": [
        ("a jar of honey", "Write this on the jar:\nLabel: Forest honey\nClass label: A\nWeight: 500 g")
    ],
    "html_input_tag_inside_an_output": [
        ("", "An <input> element takes what a user types, and <input> needs no closing tag."),
        ("checkbox", '<input type="checkbox">'),
    ],
    "colons_in_inputs": [("Meeting at 10:30 with Bob", "10:30"), ("https://example.org/a?b=c", "example.org")],
    "reasoning_before_the_instances": [KETTLE],
}
"""Answers to an input-first prompt that ended by themselves -> (input, output)."""

SPAM, NO_SPAM = ("You won a prize!", "spam"), ("See you at ten.", "no spam")

OUTPUT_FIRST: dict[str, list[tuple[str, str]]] = {
    "tagged_labels": [SPAM, ("See you at 10:30.", "no spam")],
    "class_labels": [SPAM, ("See you at 10:30.\nBring the cake.", "no spam")],
    "class_label_and_input_on_one_line": [("A great film.", "positive"), ("Two wasted hours.", "negative")],
    "class_label_in_other_spellings": [SPAM, NO_SPAM],
    "label_in_markdown": [SPAM, NO_SPAM],
    "class_label_under_example_lines": [SPAM, NO_SPAM],
    "same_label_many_times": [(str(number), "odd" if number % 2 else "even") for number in range(1, 10)],
    "output_line_inside_a_labelled_input": [
        ("assert 2 + 2 == 4\nOutput: ok\nLabel: test 1", "passes"),
        ("assert 2 + 2 == 5", "fails"),
    ],
    "label_without_an_input": [("", "fruit")],
    "labels_after_their_inputs": [SPAM, NO_SPAM],
    "label_without_a_marker": [],
}
"""Answers to an output-first prompt that ended by themselves -> (input, output)."""

CUT_OFF_INSTANCES: dict[str, tuple[bool, list[ParsedInstance]]] = {
    "length_limit_inside_an_output": (
        False,
        [ParsedInstance(*KETTLE, cut_off=False), ParsedInstance("bridge", "The bridge had van", cut_off=True)],
    ),
    "length_limit_inside_a_marked_output": (
        False,
        [ParsedInstance(*KETTLE, cut_off=False), ParsedInstance("bridge", "The bridge had van", cut_off=True)],
    ),
    "length_limit_inside_a_direct_answer": (
        False,
        [ParsedInstance("", "The Danube crosses ten coun", cut_off=True)],
    ),
    "length_limit_before_the_output": (
        False,
        [ParsedInstance(*KETTLE, cut_off=False), ParsedInstance("bridge", "", cut_off=True)],
    ),
    "length_limit_after_the_last_closing_tag": (False, [ParsedInstance(*KETTLE, cut_off=False)]),
    "length_limit_before_the_labelled_input": (
        True,
        [ParsedInstance(*SPAM, cut_off=False), ParsedInstance("", "no spam", cut_off=True)],
    ),
    "length_limit_inside_a_labelled_input": (
        True,
        [ParsedInstance(*SPAM, cut_off=False), ParsedInstance("See you at", "no spam", cut_off=True)],
    ),
}
"""Answers that hit their token limit -> whether output-first, and their instances."""

VERDICTS: dict[str, bool | None] = {
    "verdict_after_reasoning": False,
    "verdict_with_a_reason": True,
    "verdict_that_depends": None,
}

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
    tables: list[Mapping[str, object]] = [
        FROM_CHAT,
        FROM_BASE,
        CUT_OFF,
        INPUT_FIRST,
        OUTPUT_FIRST,
        CUT_OFF_INSTANCES,
        VERDICTS,
    ]
    named = [quirk for table in tables for quirk in table]
    assert sorted(named) == sorted(path.stem for path in ANSWERS.iterdir())


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


def test_a_base_answer_at_its_token_limit_loses_the_last_item_only() -> None:
    found = parse_instructions(answer("base_model_continues_the_list"), truncated=True, continues=True)
    assert found == Instructions([SEASON, CAPITAL], ["Write a short thank-you note to a teacher."])


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("<label>yes</label>", True),
        ("<label>No</label>", False),
        ("<label> YES. </label> It has two labels.", True),
        ("<LABEL>no", False),
        ("Yes", True),
        (" yes, it is", True),
        ("Yes.", True),
        ("**Yes**", True),
        ("\n\nNo", False),
        ("NO!", False),
        ("no - it asks for a text", False),
        ("", None),
        ("It depends.", None),
        ("I cannot tell.", None),
        ("Maybe yes", None),
        ("Nothing of that kind", None),
        ("yesterday", None),
        ("<label>maybe</label> yes", None),
        ("<label></label>", None),
        ("Là oui", None),
    ],
)
def test_a_verdict_is_yes_or_no_and_unknown_where_the_model_says_neither(text: str, verdict: bool | None) -> None:
    assert parse_verdict(text) is verdict


@pytest.mark.parametrize(("quirk", "verdict"), VERDICTS.items(), ids=VERDICTS)
def test_a_raw_answer_gives_its_verdict(quirk: str, verdict: bool | None) -> None:
    assert parse_verdict(answer(quirk)) is verdict


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


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("<think>a</think>b", "b"),
        ("a</think>b", "b"),
        ("a<think>b", "a"),
        ("a<think>b</think>c", "ac"),
        ("<THINK>a</Think> b ", "b"),
        ("<think></think>", ""),
        ("I think so.", "I think so."),
    ],
    ids=["block", "no_opening", "no_closing", "in_the_middle", "capitals", "nothing_else", "no_reasoning"],
)
def test_reasoning_is_dropped(text: str, visible: str) -> None:
    assert spoken(text) == visible


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


@pytest.mark.parametrize("text", ["No idea.", "No way to tell.", "No, I cannot tell.", "yes/no", "Yes or no?"])
def test_what_only_begins_like_a_verdict_is_none(text: str) -> None:
    assert parse_verdict(text) is None
