"""The filter keeps, flags, or rejects each instance with a reason."""

import time
from typing import get_args

import pytest

from stages.contract.outcome import Outcome
from stages.contract.records import Task
from stages.contract.sections.filter import Filter
from stages.filter import Sieve, drop_similar, instances_of_seed
from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import rouge_tokens
from stages.rules.flags import FLAGS
from stages.rules.placeholders import placeholder
from tests.records import seed, task

DEFAULT = Filter(rouge_threshold=None, max_instances_per_task=5, drop_flags=[], min_kept=0.1)
LABELS = {"is_classification": True}


def judged(*tasks: Task, config: Filter = DEFAULT) -> Outcome:
    """Return the outcome of judging tasks after one seed."""
    outcome = Outcome("filter")
    sieve = Sieve(config, list(instances_of_seed(seed("s", "Sort the words."))), outcome)
    received = sum(sieve.judge_task(entry) for entry in tasks) + 1
    assert received == len(outcome.kept) + len(outcome.rejected)
    return outcome


def reasons(outcome: Outcome) -> list[str]:
    return [row.reason for row in outcome.rejected]


@pytest.mark.parametrize(
    ("raw", "changes", "reason"),
    [
        ("<input>c b</input><output>b c</output>", {}, None),
        ("<input>c b</input><output> </output>", {}, "output_empty"),
        ("<input>c b</input><output>c b</output>", {}, "output_repeats_input"),
        ("<input></input><output>Sort the words.</output>", {}, "output_repeats_instruction"),
        ("<input>c</input><output>[your answer here]</output>", {}, "output_placeholder"),
        ("<input>c</input><output>N/A</output>", {}, "output_placeholder"),
        ("<input>[insert text]</input><output>b</output>", {}, "input_placeholder"),
        ("<input>https://example.org/a</input><output>b</output>", {}, "input_only_url"),
        ("<input>c</input><output>I'm sorry, but I cannot do that.</output>", {}, "output_refusal"),
        ("<input>c</input><output>As an AI language model, I can't.</output>", {}, "output_refusal"),
        ("<input>c</input><output>I’m sorry, but I cannot do that.</output>", {}, "output_refusal"),
        ("<input>[insert text]</input><output></output>", {}, "output_empty"),
        ("<input>b a</input><output>a b</output>", {}, "duplicate"),
        ("<input>c b</input><output>b", {"finish_reason": "length"}, "cut_off"),
        ("<input>c b</input><output>N/A", {"finish_reason": "length"}, "cut_off"),
        ("<input>c b</input><output>TBD</output>", {}, "output_placeholder"),
        ("<input>c</input><output>Please provide the words.</output>", {}, "output_asks_back"),
        ("<input>c</input><output>Error: 502 Bad Gateway</output>", {}, "output_service_error"),
        ("<input>c</input><output>[TOOL_CALLS] []</output>", {}, "output_tool_call"),
        ("<input>c</input><output>b\ufffdc</output>", {}, "output_damaged"),
        ("<input>c</input><output>\u200b</output>", {}, "output_empty"),
        ("<input>B A</input><output>a b</output>", {}, "duplicate"),
        ("<label>x</label>", LABELS, "answer_without_instance"),
        ("<output>Yes</output><input>a</input>", LABELS, None),
    ],
    ids=lambda value: value if isinstance(value, str) and "<" not in value else None,
)
def test_an_instance_is_kept_or_rejected_for_its_reason(
    raw: str, changes: dict[str, object], reason: str | None
) -> None:
    outcome = judged(task(raw, **changes))
    assert reasons(outcome) == ([reason] if reason else [])
    assert len(outcome.kept) == (1 if reason else 2)


def test_a_very_long_text_is_judged_in_linear_time() -> None:
    started = time.process_time()
    assert placeholder("-" * 100_000, "Sort the words.")
    assert not placeholder("-" * 100_000 + " a", "Sort the words.")
    assert not reasons(judged(task("<output>" + "".join(f"line {n}\n" for n in range(20_000)) + "</output>")))
    assert time.process_time() - started < 2


def test_drop_flags_accepts_every_flag() -> None:
    assert set(FLAGS) == set(get_args(get_args(Filter.model_fields["drop_flags"].annotation)[0]))


def test_a_marker_for_no_input_becomes_an_empty_input() -> None:
    markers = ("N/A", "None", "<no input>", "noinput", "(none)", "Not applicable.", "[empty]", "Nothing", "-", "\ufeff")
    for marker in (
        *markers,
        "Input: none",
        *('""', "Keine Eingabe", "Sin entrada", "无", "없음"),
        "No input required.",
        "(no input needed)",
        "This task does not need any input.",
    ):
        outcome = judged(task(f"<input>{marker}</input><output>a poem</output>", instruction="Write a poem."))
        assert [row.input for row in outcome.kept[1:]] == [""]  # type: ignore[attr-defined]


def test_the_input_none_becomes_empty_if_the_task_quotes_its_own_word() -> None:
    outcome = judged(task("<input>None</input><output>quick</output>", instruction="Define the word 'brisk'."))
    assert [row.input for row in outcome.kept[1:]] == [""]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("Give the word of opposite meaning.", "empty"),
        ("Say what the Python keyword stands for.", "None"),
        ("Spell out the abbreviation.", "N/A"),
        ("Name the element with this symbol.", "Na"),
        ("Translate the word into French.", "nothing"),
        ("Describe the sign in words.", "-"),
        ("Is the word a noun or a pronoun?", "none"),
        ("Name the punctuation mark.", "—"),
    ],
)
def test_a_word_like_none_stays_if_the_task_asks_about_such_a_word(instruction: str, given: str) -> None:
    outcome = judged(task(f"<input>{given}</input><output>its answer</output>", instruction=instruction))
    assert [row.input for row in outcome.kept[1:]] == [given]  # type: ignore[attr-defined]


def test_contradictory_labels_are_all_rejected_and_the_others_kept() -> None:
    raw = "".join(
        f"<output>{label}</output><input>{text}</input>" for label, text in [("A", "x"), ("B", "x"), ("A", "y")]
    )
    outcome = judged(task(raw, **LABELS))
    assert reasons(outcome) == ["label_conflict", "label_conflict"]
    assert len(outcome.kept) == 2


def test_one_label_in_two_spellings_is_a_duplicate_and_not_a_conflict() -> None:
    raw = "<output>Good</output><input>x</input><output>good.</output><input>x</input>"
    assert reasons(judged(task(raw, **LABELS))) == ["duplicate"]


def test_a_rejected_label_never_conflicts_with_a_valid_one() -> None:
    raw = "<output>good</output><input>x</input><output>N/A</output><input>x</input>"
    assert reasons(judged(task(raw, **LABELS))) == ["output_placeholder"]


def test_inputs_that_differ_in_case_do_not_conflict() -> None:
    raw = "<output>name</output><input>Rose</input><output>flower</output><input>rose</input>"
    assert reasons(judged(task(raw, **LABELS))) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Bern", "c b"), ("Bern ", "c b")),
        (("Bern", "c b"), ("\ufeffBern", "c b")),
        (("Zürich", "c b"), ("Zu\u0308rich", "c b")),
        (("Bern", "The Aare."), ("bern", "the  Aare")),
        (("Bern", "It's there."), ("Bern", "It’s there.")),
    ],
)
def test_instances_that_differ_only_in_form_are_duplicates(first: tuple[str, str], second: tuple[str, str]) -> None:
    raw = "".join(f"<input>{given}</input><output>{output}</output>" for given, output in (first, second))
    assert reasons(judged(task(raw, instruction="Name the river or sort the words."))) == ["duplicate"]


def test_inputs_that_differ_in_case_are_no_duplicates_if_the_task_is_about_case() -> None:
    raw = "".join(f"<input>{given}</input><output>Bern</output>" for given in ("bern", "BERN"))
    assert reasons(judged(task(raw, instruction="Write the town with a capital letter."))) == []


def test_a_rejection_shows_up_to_200_characters_of_the_match() -> None:
    [refused] = judged(task("<input>c</input><output>I'm sorry, but I cannot do that.</output>")).rejected
    assert refused.detail == {"found": "I'm sorry, but I cannot do that"}
    [copied] = judged(task(f"<input>{'b a ' * 100}</input><output>{'b a ' * 100}</output>")).rejected
    assert copied.detail == {"found": ("b a " * 50)}
    raw = "<output>A</output><input>x</input><output>B</output><input>x</input>"
    assert judged(task(raw, **LABELS)).rejected[0].detail == {"found": "a | b"}


def test_an_open_task_may_have_several_outputs_for_one_input() -> None:
    outcome = judged(task("<input></input><output>one poem</output><input></input><output>another</output>"))
    assert len(outcome.kept) == 3


def test_at_most_the_configured_number_of_instances_of_a_task_is_kept() -> None:
    raw = "".join(f"<input>{n}</input><output>{n + 1}</output>" for n in range(4))
    outcome = judged(task(raw), config=DEFAULT.model_copy(update={"max_instances_per_task": 2}))
    assert reasons(outcome) == ["beyond_max_instances"] * 2


def test_without_a_limit_all_instances_of_a_task_are_kept() -> None:
    raw = "".join(f"<input>{n}</input><output>{n + 1}</output>" for n in range(20))
    assert reasons(judged(task(raw), config=DEFAULT.model_copy(update={"max_instances_per_task": None}))) == []


def test_a_duplicate_names_the_instance_it_repeats() -> None:
    [rejected] = judged(task("<input>b a</input><output>a b</output>")).rejected
    assert rejected.detail == {"same_as": "s-0"}


def test_a_seed_becomes_an_instance_unchanged() -> None:
    [found] = instances_of_seed(seed("s", "Is this spam?", is_classification=True))
    assert (found.id, found.instruction_id, found.source, found.model) == ("s-0", "s", "seed", "")
    assert (found.instruction, found.input, found.output) == ("Is this spam?", "b a", "a b")
    assert found.is_classification


@pytest.mark.parametrize(("times", "flags"), [(3, []), (4, ["output_repeats"])])
def test_a_line_that_occurs_four_times_is_flagged_as_a_repetition(times: int, flags: list[str]) -> None:
    raw = "<input>c</input><output>one\n" + "again\n\n" * times + "</output>"
    assert judged(task(raw)).kept[1].flags == flags  # type: ignore[attr-defined]


def test_a_present_input_is_not_flagged_as_missing() -> None:
    present = task("<input>A long text.</input><output>short</output>", instruction="Summarise the following text.")
    assert judged(present).kept[1].flags == []  # type: ignore[attr-defined]


def test_a_flag_rejects_only_if_drop_flags_names_it() -> None:
    missing = task("<input></input><output>short</output>", instruction="Summarise the following paragraph.")
    assert judged(missing).kept[1].flags == ["input_missing"]  # type: ignore[attr-defined]
    assert reasons(judged(missing, config=DEFAULT.model_copy(update={"drop_flags": ["input_missing"]}))) == [
        "input_missing"
    ]
    rejected = judged(missing, config=DEFAULT.model_copy(update={"drop_flags": ["input_missing"]})).rejected
    assert rejected[0].detail == {"found": "the following"}


def test_ids_number_the_parsed_instances_before_any_rejection() -> None:
    outcome = judged(task("<input>a</input><output></output><input>b</input><output>B</output>"))
    assert outcome.kept[1].id == "ins-1-1"  # type: ignore[attr-defined]


def test_a_stricter_threshold_rejects_what_the_pool_would_have_rejected() -> None:
    tasks = [
        task("x", id="ins-1", instruction="Write a poem about a river in spring."),
        task("x", id="ins-2", instruction="Write a poem about a lake in spring."),
        task("x", id="ins-3", instruction="Name five capitals."),
    ]
    outcome = Outcome("filter")
    kept = drop_similar(tasks, [seed("s", "Sort the words.")], NoveltyPool(0.5, rouge_tokens), outcome)
    assert [row.id for row in kept] == ["ins-1", "ins-3"]
    assert [(row.reason, row.detail["nearest"]) for row in outcome.rejected] == [("too_similar", "ins-1")]
