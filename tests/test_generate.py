"""The bootstrapping loop: what prompts show, what is accepted, when it stops."""

import re
from typing import Any

import pytest

from stages.contract.errors import UserError
from stages.contract.records import SeedTask
from stages.contract.sections.focus import Focus
from stages.draw.ranking import Shelf, draw_focus, mix
from stages.draw.seeds import check_seeds
from stages.generate import Bootstrap, Config, instruction_id, report_saturation
from tests.llm_server import configure, part
from tests.records import answer, seed

SEEDS = [
    seed(f"s{n}", text) for n, text in enumerate(["Name three rivers.", "Write a poem.", "Add the two numbers given."])
]


def bootstrap(seeds: list[SeedTask] = SEEDS, **generate: Any) -> Bootstrap:
    return Bootstrap(part(Config, configure(generate={"num_instructions": 3, **generate})), seeds)


def shown(loop: Bootstrap, index: int) -> list[str]:
    """Return the instructions that request `index` shows."""
    return re.findall("<task>([^…]*)</task>", loop.prepare(index).prompt)


def commit(loop: Bootstrap, *texts: str, **changes: Any) -> bool:
    """Prepare the next request and commit an answer that holds these instructions."""
    index = len(loop.answers)
    loop.prepare(index)
    return loop.commit(index, answer("".join(f"<task>{text}</task>" for text in texts), **changes))


def reasons(loop: Bootstrap) -> list[str]:
    return [row.reason for row in loop.outcome.rejected]


def shelf(count: int) -> Shelf:
    filled = Shelf()
    for number in range(count):
        filled.add(f"id-{number}", f"text {number}")
    return filled


def test_a_draw_depends_on_seed_and_index_alone() -> None:
    tasks = shelf(50)
    first = tasks.draw(mix(42, 7), 6, 50)
    assert first == shelf(50).draw(mix(42, 7), 6, 50)
    assert first != tasks.draw(mix(42, 8), 6, 50)
    assert first != tasks.draw(mix(43, 7), 6, 50)
    assert [rank for rank, _, _ in first] == sorted(rank for rank, _, _ in first)


def test_a_new_task_changes_only_the_draws_that_show_it() -> None:
    tasks = shelf(51)
    for index in range(40):
        before = [name for _, name, _ in tasks.draw(mix(42, index), 6, 50)]
        after = [name for _, name, _ in tasks.draw(mix(42, index), 6, 51)]
        assert after == before or ("id-50" in after and set(after) - {"id-50"} < set(before))


def test_every_task_is_shown_about_equally_often() -> None:
    tasks = shelf(40)
    shown = [name for index in range(2000) for _, name, _ in tasks.draw(mix(1, index), 8, 40)]
    assert all(330 <= shown.count(f"id-{number}") <= 470 for number in range(40))


@pytest.mark.parametrize(("count", "size"), [(0, 5), (3, 0), (9, 5)])
def test_a_draw_takes_fewer_tasks_if_there_are_fewer(count: int, size: int) -> None:
    assert len(shelf(5).draw(1, count, size)) == min(count, size)


def test_each_focus_is_drawn_in_proportion_to_its_weight() -> None:
    focus = [Focus(text="a", weight=1.0), Focus(text="b", weight=3.0)]
    drawn = [draw_focus(focus, mix(5, index)) for index in range(2000)]
    assert 430 <= drawn.count("a") <= 570
    assert draw_focus([], 1) == ""


def test_a_rejection_holds_the_reason_the_nearest_task_and_the_score() -> None:
    loop = bootstrap(num_instructions=10)
    commit(
        loop,
        "Name three rivers",
        "Name three big rivers.",
        "!!!",
        "Short one",
        "Describe the attached photo.",
        "Explain why the sky is blue.",
    )
    assert reasons(loop) == ["duplicate", "too_similar", "without_words", "too_short", "forbidden_word"]
    assert loop.outcome.rejected[4].detail == {"found": "Describe the attached photo"}
    assert loop.outcome.rejected[1].detail == {"nearest": "s0", "rouge_l": 0.857143}
    assert [row.instruction for row in loop.outcome.kept] == ["Explain why the sky is blue."]  # type: ignore[attr-defined]


def test_candidates_after_the_target_are_recorded_as_rejected() -> None:
    loop = bootstrap(num_instructions=1)
    assert commit(loop, "Explain why the sky is blue.", "Sort these cities by size.")
    assert reasons(loop) == ["target_reached"]


def test_an_empty_or_filtered_answer_is_one_rejection() -> None:
    loop = bootstrap()
    commit(loop)
    commit(loop, "Explain why the sky is blue.", finish_reason="content_filter")
    assert reasons(loop) == ["answer_without_instruction", "answer_filtered"]


def test_a_cut_off_answer_loses_its_last_item_only() -> None:
    loop = bootstrap()
    loop.prepare(0)
    loop.commit(0, answer("<task>Explain why the sky is blue.</task><task>Sort these", finish_reason="length"))
    assert reasons(loop) == ["cut_off"]
    assert len(loop.outcome.kept) == 1


def test_an_answer_with_one_cut_off_item_is_one_rejection() -> None:
    loop = bootstrap()
    loop.prepare(0)
    loop.commit(0, answer("<task>Sort these", finish_reason="length"))
    assert reasons(loop) == ["cut_off"]


def test_a_base_model_continues_the_list_of_the_prompt() -> None:
    config = configure(llm={"mode": "completion"})
    loop = Bootstrap(part(Config, config), SEEDS)
    loop.prepare(0)
    loop.commit(0, answer(" Explain why the sky is blue.\n10. Sort these cities by size."))
    assert [row.instruction for row in loop.outcome.kept] == [  # type: ignore[attr-defined]
        "Explain why the sky is blue.",
        "Sort these cities by size.",
    ]


def test_an_id_depends_on_the_instruction_alone() -> None:
    assert instruction_id("Sort the words.") == "ins-3183685016dc"


def test_a_model_that_writes_nothing_ends_the_run_as_saturated() -> None:
    loop = bootstrap(acceptance_requests=5, min_acceptance=0.1)
    assert [commit(loop) for _ in range(5)] == [False, False, False, False, True]
    assert loop.saturated
    assert loop.acceptance.curve(loop.answers)[-1] == {"request": 5, "accepted": 0, "marginal_cost_usd": None}


def test_saturation_is_measured_over_acceptance_requests() -> None:
    loop = bootstrap(acceptance_requests=25, min_acceptance=0.1)
    assert [commit(loop) for _ in range(25)] == [False] * 24 + [True]


def test_a_min_acceptance_of_zero_never_stops_a_run() -> None:
    loop = bootstrap(acceptance_requests=2, min_acceptance=0.0)
    assert [commit(loop) for _ in range(5)] == [False] * 5


def test_a_run_that_reached_its_target_is_not_saturated() -> None:
    loop = bootstrap(num_instructions=1, acceptance_requests=1, min_acceptance=1.0)
    assert commit(loop, "Name three rivers.", "Explain why the sky is blue.")
    assert not loop.saturated


def test_the_acceptance_curve_shows_the_cost_of_one_more_instruction() -> None:
    loop = bootstrap(num_instructions=50, acceptance_requests=2)
    commit(loop, "Explain why the sky is blue.", "Sort these cities by size.", cost_usd=0.04)
    commit(loop, cost_usd=0.02)
    commit(loop, "List the planets that have rings.", cost_usd=0.01)
    curve = loop.acceptance.curve(loop.answers)
    assert [row["accepted"] for row in curve] == [0, 2, 2, 3]
    assert [row["marginal_cost_usd"] for row in curve] == [None, 0.02, 0.03, 0.03]


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        ({}, "Parse the given JSON file and name its keys.", None),
        ({}, "Describe the Attached File in a sentence.", "forbidden_word"),
        ({}, "Explain what a Docker image is for.", None),
        ({"forbidden_words": []}, "Describe the attached photo.", None),
        ({"forbidden_words": ["image"]}, "Explain what a Docker image is for.", "forbidden_word"),
        ({}, "[Insert the new task here]", "no_task"),
        ({}, "I'm sorry, but I cannot write more tasks.", "no_task"),
        ({}, "I cannot open the jar of jam. What helps?", None),
        ({}, "Describe the " + "very " * 30 + "old house.", "repeats_itself"),
        ({}, "Expl\ufffdin how a lock r\ufffdises a boat.", "damaged"),
        ({"forbidden_words": ["map", "go to"]}, "Go to the shop and count.", "forbidden_word"),
        ({"forbidden_words": ["c++"]}, "Explain a C++ template in a sentence.", "forbidden_word"),
        ({"forbidden_words": ["map"]}, "Explain what mapping means here.", None),
        ({"forbidden_openings": ["Write a program"]}, "Write a program that sorts numbers.", "forbidden_opening"),
        ({"plain_opening": True}, "'Sort' these words by length.", "opening_not_plain"),
        ({"plain_opening": True}, "Écris un poème sur un lac.", "opening_not_plain"),
        ({}, "Écris un poème sur un lac.", None),
        ({"forbidden_openings": ["Write a program"]}, "write a PROGRAM that sorts numbers.", "forbidden_opening"),
        ({"max_words": 5}, "One two three four five six.", "too_long"),
        ({"max_words": 6}, "One two three four five six.", None),
        ({"min_words": 6}, "One two three four five six.", None),
    ],
)
def test_a_candidate_is_accepted_or_rejected_for_its_reason(
    settings: dict[str, Any], text: str, reason: str | None
) -> None:
    loop = bootstrap(**settings)
    commit(loop, text)
    assert reasons(loop) == ([reason] if reason else [])


def test_only_seeds_of_the_chosen_domains_are_shown_but_all_seeds_are_in_the_pool() -> None:
    seeds = [*SEEDS, seed("g", "Plan a garden.", domain="gardening")]
    loop = bootstrap(seeds, domains=["gardening"])
    assert shown(loop, 0) == ["Plan a garden."]
    commit(loop, "Name three rivers.")
    assert reasons(loop) == ["duplicate"]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"domains": ["gardning"]},
            "generate.domains: no seed in f has the domain 'gardning'; did you mean 'gardening'?",
        ),
        ({"classification_only": True}, "f: no classification task for generate.classification_only; add one"),
    ],
)
def test_seeds_that_leave_nothing_to_show_give_a_one_line_error(settings: dict[str, Any], line: str) -> None:
    seeds = [seed("g", "Plan a garden.", domain="gardening")]
    with pytest.raises(UserError) as error:
        check_seeds(seeds, "f", configure(generate=settings).generate)
    assert str(error.value) == line


def test_a_run_that_stops_early_prints_the_most_frequent_rejection_reason(capsys: pytest.CaptureFixture[str]) -> None:
    loop = bootstrap(acceptance_requests=2, min_acceptance=0.9)
    commit(loop, "Explain why the sky is blue.", "Name three rivers.")
    assert commit(loop, "Name three big rivers.", "Name three small rivers.")
    report_saturation(loop.outcome, configure(generate={"acceptance_requests": 2, "min_acceptance": 0.9}).generate)
    said = capsys.readouterr().err
    assert "stopped at 1 of 200: fewer than 90% of the candidates of the last 2 requests were accepted" in said
    assert "rejected as too_similar (2 of 3)" in said


def test_a_run_that_accepts_nothing_explains_it_before_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    loop = bootstrap(acceptance_requests=1, min_acceptance=0.5)
    commit(loop)
    report_saturation(loop.outcome, configure().generate)
    said = capsys.readouterr().err
    assert said.startswith("generate: stopped at 0 of 200: ")
    assert said.endswith(" as answer_without_instruction (1 of 1)\n")


def test_a_prompt_shows_machine_written_instructions_of_earlier_commits() -> None:
    loop = bootstrap(num_instructions=50)
    commit(loop, "Explain why the sky is blue.", "Sort these cities by size.")
    for _ in range(3):
        commit(loop)
    loop.prepare(4)
    prompted_by = loop._shown[4].ids
    assert sum(name.startswith("ins-") for name in prompted_by) == 2
    assert len(prompted_by) == 5  # two machine-written and all three seeds


def test_seeds_fill_the_places_of_machine_written_instructions_and_the_order_is_mixed() -> None:
    seeds = [seed(f"s{n}", f"Count to {n} in your head.") for n in range(20)]
    loop = bootstrap(seeds, num_instructions=50, num_seed=6, num_machine=2, window=4)
    loop.prepare(0)
    assert len(loop._shown[0].ids) == 8  # seeds fill all places
    commit(loop, "Explain why the sky is blue.", "Sort these cities by size.", "List the planets that have rings.")
    for _ in range(20):
        commit(loop)
    ids: list[list[str]] = []
    for index in range(21, 40):
        loop.prepare(index)
        ids.append(loop._shown[index].ids)
        loop.commit(index, answer(""))
    assert {len(names) for names in ids} == {8}
    places = {place for names in ids for place, name in enumerate(names) if name.startswith("ins-")}
    assert len(places) > 2


def test_a_prompt_waits_for_exactly_the_answers_it_depends_on() -> None:
    loop = bootstrap(num_instructions=50, window=4)
    assert (loop.may_launch(7, 3), loop.may_launch(7, 4)) == (False, True)
    commit(loop, "Explain why the sky is blue.")
    for index in range(1, 5):
        loop.prepare(index)
    assert [any(name.startswith("ins-") for name in loop._shown[index].ids) for index in (1, 4)] == [False, True]


def test_classification_only_shows_only_classification_seeds() -> None:
    seeds = [*SEEDS, seed("c", "Is this spam?", is_classification=True)]
    loop = bootstrap(seeds, classification_only=True)
    assert shown(loop, 0) == ["Is this spam?"]
