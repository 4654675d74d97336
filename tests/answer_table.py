"""The expected reading of each answer in tests/answers/: one whole answer of a model for each quirk.

The four styles: base list, chat tags, chat prose, reasoning.
"""

import re
from pathlib import Path
from typing import NamedTuple

from stages.text.instances import ParsedInstance

ANSWERS = Path(__file__).parent / "answers"

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
    "numbers_in_parentheses": [RIVER, WORDS, PICNIC],
    "numbers_without_a_blank": [RIVER, WORDS, PICNIC],
    "numbers_with_an_ideographic_comma": ["写一首关于秋天的短诗。", "用一句话解释什么是光合作用。"],
    "numbers_in_circles": [RIVER, WORDS, PICNIC],
    "numbers_with_an_escaped_stop": [RIVER, WORDS],
    "letters_before_items": [RIVER, WORDS, PICNIC],
    "dashes_as_bullets": [RIVER, WORDS],
    "headings_with_numbers": [RIVER, WORDS, PICNIC],
    "bold_headings_with_numbers": [RIVER, WORDS],
    "headings_without_numbers": [RIVER, WORDS],
    "headings_inside_tags": [RIVER, WORDS],
    "numbers_inside_tags": [RIVER, WORDS],
    "numbered_tags": [RIVER, WORDS],
    "list_in_a_fence": [RIVER, WORDS],
    "tags_in_a_fence": [RIVER, WORDS],
    "json_objects_on_lines": [RIVER, WORDS],
    "json_object_around_a_list": [RIVER, WORDS],
    "code_with_numbers_inside_an_item": ["Explain this code:\n```python\n# 1. first\n2. second\n```", RIVER],
    "code_after_a_blank_line_in_the_last_item": [RIVER, "Explain this code:\n\n```python\nx = 1\n\ny = 2\n```"],
    "output_inside_a_task": ["Write one line about rain.", RIVER],
    "fields_of_alpaca": ["Tell a joke about a clock.", RIVER],
    "two_tasks_in_one_tag": [RIVER, WORDS, "Say hello.", PICNIC],
    "talk_inside_a_tag": [RIVER],
    "words_that_look_like_marks": [
        "Explain what the <think> tag is for in some models.",
        "Compare <|im_end|>, </s> and <|eot_id|>.",
        "Print \"Output:\" and '### Input' on two lines.",
        "Explain why 2. e4 is a good move in chess.",
    ],
    "rules_of_the_prompt_repeated": [RIVER, WORDS],
    "chat_marks_around_the_tasks": [RIVER, WORDS],
    "reasoning_in_a_channel": [RIVER, WORDS],
    "reasoning_with_its_own_code": [RIVER, WORDS],
    "reasoning_in_another_tag": [RIVER],
    "windows_line_ends": [RIVER, WORDS],
}
"""Complete answers of chat models -> their instructions."""

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
    "base_model_goes_on_after_an_end_mark": [RIVER, WORDS],
    "base_model_leaves_out_blanks": [RIVER, WORDS, PICNIC],
    "base_model_answers_its_own_task": [RIVER, WORDS],
}
"""Answers that continue a numbered list of the prompt -> their instructions."""

CUT_OFF: dict[str, tuple[list[str], list[str]]] = {
    "length_limit_inside_the_third_item": ([RIVER, WORDS], ["Plan a picnic for six peo"]),
    "length_limit_inside_a_tag": ([RIVER, WORDS], ["Plan a picnic for six peo"]),
    "length_limit_after_a_closed_tag": ([RIVER, WORDS], []),
    "json_list_cut_off_inside_an_item": ([RIVER, WORDS], ["Plan a pic"]),
    "json_list_cut_off_between_items": ([RIVER], [WORDS]),
}
"""Answers that reached the token limit -> the complete instructions, and the incomplete one."""

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
    "bold_markers_with_a_colon_outside": [KETTLE],
    "markers_of_alpaca": [KETTLE],
    "headings_without_a_colon": [KETTLE],
    "full_width_colons": [KETTLE],
    "answer_instead_of_output": [KETTLE],
    "numbered_markers": [KETTLE, BRIDGE_AND_FOG],
    "markers_in_a_numbered_list": [KETTLE, BRIDGE_AND_FOG],
    "signs_between_examples": [KETTLE, BRIDGE_AND_FOG],
    "markers_in_other_languages": [KETTLE],
    "json_pairs_in_a_fence": [KETTLE, BRIDGE_AND_FOG],
    "json_as_the_answer": [("", '{"name": "Bob", "age": 41}')],
    "character_data_in_a_tag": [KETTLE],
    "code_that_begins_indented": [("a block", "    if ready:\n\tgo()\n\n\n    stop()")],
    "characters_that_look_like_line_ends": [("one\u2028two\x85three\x0cfour", "four words")],
    "markers_inside_a_block_of_code": [("a test", "```text\nInput: 2\nOutput: 4\n###\n<|im_end|>\n```")],
    "headings_inside_an_output": [("", "# Install\n\n### Instructions\n1. Unpack it.\n\n---\n\n### Usage\nRun it.")],
    "end_mark_and_the_next_turn": [("", "The Danube.")],
    "end_mark_inside_a_tag": [KETTLE],
    "many_end_marks": [("", "The Danube.")],
    "citation_marks": [("", "The Danube crosses ten countries, and the Rhine six.")],
    "reasoning_in_brackets": [("", "The Danube.")],
    "reasoning_channels_without_marks": [("", "The Danube.")],
    "reasoning_that_names_its_answer_early": [("delta", "The Danube.")],
}
"""Complete answers to an input-first prompt -> (input, output)."""

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
    "numbered_labels": [SPAM, NO_SPAM],
    "labels_as_bullets": [SPAM, NO_SPAM],
    "label_tags": [SPAM],
    "reasoning_before_the_labels": [SPAM, NO_SPAM],
}
"""Complete answers to an output-first prompt -> (input, output)."""

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
"""Answers that reached the token limit -> whether the prompt was output-first, and the instances."""

VERDICTS: dict[str, bool | None] = {
    "verdict_after_reasoning": False,
    "verdict_with_a_reason": True,
    "verdict_that_depends": None,
    "verdict_after_a_label": False,
    "verdict_in_json": False,
    "verdict_in_a_box": True,
    "verdict_as_a_sentence": False,
    "verdict_after_the_question": True,
    "verdict_for_both_sides": None,
    "verdict_after_no_doubt": True,
    "verdict_in_a_turn": False,
    "verdict_in_a_channel": False,
    "reasoning_before_a_bare_verdict": True,
}

BROKEN: dict[str, tuple[list[str], list[str]]] = {
    "tag_that_never_closes_after_others": ([RIVER], ["Describe how the boats in a"]),
}
"""Incomplete answers with the finish reason stop -> the complete instructions, and the incomplete one."""

BROKEN_INSTANCES: dict[str, list[tuple[str, str]]] = {
    "block_of_code_that_never_closes": [],
    "json_pair_that_breaks_off": [],
}
"""Incomplete answers with the finish reason stop -> the complete instances."""


class Reading(NamedTuple):
    """One answer, the way a stage reads it, and the right result."""

    quirk: str
    text: str
    kind: str
    """instructions, verdict, input_first or output_first"""
    continues: bool
    truncated: bool
    parts: object
    """The complete instructions, the verdict, or the complete (input, output) pairs."""


def answer(quirk: str) -> str:
    """Return an answer with its line ends unchanged."""
    return (ANSWERS / f"{quirk}.txt").read_bytes().decode()


def readings() -> list[Reading]:
    """Return all answers with their right results, sorted by name."""
    found: list[Reading] = []

    def add(quirk: str, kind: str, parts: object, *, continues: bool = False, truncated: bool = False) -> None:
        found.append(Reading(quirk, answer(quirk), kind, continues, truncated, parts))

    for quirk, instructions in FROM_CHAT.items():
        add(quirk, "instructions", instructions)
    for quirk, instructions in FROM_BASE.items():
        add(quirk, "instructions", instructions, continues=True)
    for quirk, (complete, _) in CUT_OFF.items():
        add(quirk, "instructions", complete, truncated=True)
    for quirk, (complete, _) in BROKEN.items():
        add(quirk, "instructions", complete)
    for quirk, verdict in VERDICTS.items():
        add(quirk, "verdict", verdict)
    for quirk, pairs in [*INPUT_FIRST.items(), *BROKEN_INSTANCES.items()]:
        add(quirk, "input_first", pairs)
    for quirk, pairs in OUTPUT_FIRST.items():
        add(quirk, "output_first", pairs)
    for quirk, (output_first, instances) in CUT_OFF_INSTANCES.items():
        pairs = [(instance.input, instance.output) for instance in instances if not instance.cut_off]
        add(quirk, "output_first" if output_first else "input_first", pairs, truncated=True)
    return sorted(found)


def style(reading: Reading) -> str:
    """Return the style in which an answer is written."""
    if re.search(r"think\b|THINK\]|<reasoning>|analysis", reading.text[:200]) and "reasoning" in reading.quirk:
        return "reasoning"
    if re.search(r"</?(?:task\d?|input|output|label)>", reading.text, re.IGNORECASE):
        return "chat tags"
    plain_marker = re.match(r"(?:Example 1|Input: |Output: |Class label: )", reading.text)
    return "base list" if reading.continues or plain_marker else "chat prose"
