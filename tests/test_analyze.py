"""Figures and the report: the counts are right, and the page is safe to open."""

import json
import re
from collections import Counter

import pytest

from stages.analyze import BEFORE_REPORT, closest_seeds, histogram, lengths, mean_words, reasons, table_1
from stages.contract.records import Rejected
from stages.novelty.tokens import rouge_tokens
from stages.page.spread import spread
from tests.records import instance, instruction, seed
from tests.repository import Repository


def test_table_1_counts_an_instruction_once_however_many_instances_it_has() -> None:
    rows = [
        instance(id="a-0", instruction_id="a", instruction="One two three.", input="", output="x y"),
        instance(id="a-1", instruction_id="a", instruction="One two three.", input="p q r s", output="x"),
        instance(id="b-0", instruction_id="b", instruction="One.", is_classification=True, input="p q", output="x y z"),
    ]
    assert table_1(rows) == {
        "instructions": 2,
        "classification_instructions": 1,
        "other_instructions": 1,
        "instances": 3,
        "instances_with_empty_input": 1,
        "instruction_words": 2.0,
        "input_words": 3.0,
        "output_words": 2.0,
    }


def test_a_mean_of_nothing_is_null_and_not_zero() -> None:
    assert mean_words([]) is None
    assert table_1([])["output_words"] is None


def test_a_histogram_counts_every_score_once_and_puts_a_score_of_1_in_the_last_bin() -> None:
    bins = histogram([0.0, 0.049, 0.05, 0.7, 1.0])
    assert [row["instructions"] for row in bins if row["instructions"]] == [2, 1, 1, 1]
    assert bins[-1] == {"from": 0.95, "instructions": 1}


def test_lengths_count_every_text_once() -> None:
    rows = [instance(instruction_id=str(n), input="" if n else "a b", output="w " * n) for n in range(3)]
    counted = Counter[str]()
    for row in lengths(rows):
        counted[str(row["part"])] += int(row["texts"])
    assert counted == {"instruction": 3, "input": 1, "output": 3}


def test_the_closest_seed_is_found_and_instructions_are_not_compared_with_each_other() -> None:
    rows = [instruction(instruction="Name three rivers."), instruction(instruction="Name three rivers.")]
    assert closest_seeds(rows, [seed("s", "Name three lakes."), seed("t", "Count.")], rouge_tokens, 1) == [
        0.666667,
        0.666667,
    ]


def test_instructions_are_compared_with_seeds_only() -> None:
    rows = [instruction(instruction="Name three rivers."), instruction(instruction="Name three rivers.")]
    assert closest_seeds(rows, [seed("s", "Count.")], rouge_tokens, 1) == [0.0, 0.0]


def test_texts_of_two_hundred_words_and_more_are_counted_together() -> None:
    rows = lengths(
        [instance(instruction="w " * n, instruction_id=str(n), input="", output="x") for n in (199, 200, 999)]
    )
    assert [(row["words_from"], row["texts"]) for row in rows if row["part"] == "instruction"] == [(195, 1), (200, 2)]


def test_the_analysis_counts_all_stages_and_the_data_with_and_without_seeds(finished: Repository) -> None:
    analysis = json.loads(finished.read("data/analysis.json"))
    instances = finished.rows("data/instances.jsonl")
    machine = [row for row in instances if row["source"] == "machine"]
    assert (analysis["table_1"]["instances"], analysis["with_seeds"]["instances"]) == (len(machine), len(instances))
    assert [row["stage"] for row in analysis["funnel"]] == ["generate", "classify", "instantiate", "filter"]
    for row in analysis["funnel"]:
        found = [entry["count"] for entry in analysis["reasons"] if entry["stage"] == row["stage"]]
        assert sum(found) == row["rejected"]
    plot = json.loads(finished.read("reports/plots/lengths.json"))
    assert sum(row["texts"] for row in plot if row["part"] == "output") == len(machine)


def test_the_report_shows_what_was_readable_and_where_little_was_kept(repository: Repository) -> None:
    path = "reports/metrics/classify.json"
    metrics = json.loads(repository.read(path))
    repository.write(path, json.dumps({**metrics, "readable": 0.25, "few_kept": 1}))
    assert repository.stage("analyze").returncode == 0
    page = repository.read("data/report.html")
    assert '<td class="n">25.0 %</td>' in page
    assert page.count("kept fewer records than its <code>min_kept</code>") == 1
    assert "classify kept fewer records" in page


@pytest.mark.slow
def test_the_report_shows_as_many_records_as_the_config_says_and_no_seed(repository: Repository) -> None:
    repository.choose("analyze.shown_instances=1000", "analyze.shown_rejected=2")
    assert repository.stage("analyze").returncode == 0
    page = repository.read("data/report.html")
    machine = [row for row in repository.rows("data/instances.jsonl") if row["source"] == "machine"]
    assert f"Kept: {len(machine)} instances" in page
    assert all(f'<p class="soft">{row["id"]}' in page for row in machine)
    assert "Rejected: 2 records" in page


def test_rejection_reasons_are_ordered_by_stage_and_then_by_count() -> None:
    rows = [
        Rejected(stage=s, reason=r, detail={}, record={})
        for s, r in [("filter", "b"), ("generate", "z"), ("filter", "a"), ("filter", "a")]
    ]
    received = {"generate": 8, "filter": 3}
    assert [(row["stage"], row["reason"], row["count"], row["share"]) for row in reasons(rows, received)] == [
        ("generate", "z", 1, 0.125),
        ("filter", "a", 2, 0.666667),
        ("filter", "b", 1, 0.333333),
    ]


def test_spread_picks_evenly_spaced_records_in_order() -> None:
    assert spread(list(range(100)), 4) == [12, 37, 62, 87]
    assert spread([1, 2], 5) == [1, 2]
    assert spread([], 3) == []


def test_records_without_any_text_are_shown_too(repository: Repository) -> None:
    [row, *_] = repository.rows("data/rejected/generate.jsonl")
    blank = row["record"] | {"instruction": ""}
    rows = [row | {"reason": reason, "detail": {}, "record": blank} for reason in ("cut_off", "answer_filtered")]
    repository.write("data/rejected/generate.jsonl", "".join(json.dumps(entry) + "\n" for entry in rows))
    done = repository.stage("analyze")
    assert done.returncode == 0, done.stderr
    assert "an answer without text" in repository.read("data/report.html")


def test_the_report_shows_hostile_text_without_running_it(repository: Repository) -> None:
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"
    [first, *others] = repository.rows("data/instances.jsonl")
    machine = next(row for row in others if row["source"] == "machine")
    lines = [row | ({"output": hostile, "instruction": hostile} if row is machine else {}) for row in [first, *others]]
    repository.write("data/instances.jsonl", "".join(json.dumps(row) + "\n" for row in lines))
    assert repository.stage("analyze").returncode == 0
    page = repository.read("data/report.html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<(?:script|img)\b", page)
    assert "{{ 7 * 7 }}" in page
    assert not re.search(r"(?:src|href)=\"?https?:", page)


def test_the_analysis_counts_every_rejected_record_and_each_stage_before_it(finished: Repository) -> None:
    analysis = json.loads(finished.read("data/analysis.json"))
    assert [row["stage"] for row in analysis["funnel"]] == list(BEFORE_REPORT)
    seeds = sum(row["source"] == "seed" for row in finished.rows("data/instances.jsonl"))
    for row in analysis["funnel"]:
        told = [entry for entry in analysis["reasons"] if entry["stage"] == row["stage"]]
        assert sum(entry["count"] for entry in told) == row["rejected"]
        judged = row["in"] - (seeds if row["stage"] == "filter" else 0)
        assert [entry["share"] for entry in told] == [round(entry["count"] / judged, 6) for entry in told]
