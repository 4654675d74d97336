"""A stage that keeps nothing fails, and the last run can be restored; one that keeps little warns."""

import contextlib
import json
from pathlib import Path

import pytest

from stages.contract.advice import ADVICE, little_kept
from stages.contract.errors import SeedlingError
from stages.contract.outcome import Outcome
from stages.contract.records import NO_ANSWER
from tests.llm_server import LlmServer, answering
from tests.records import instance
from tests.repository import Repository


def outcome(kept: int, *reasons: str, **detail: str) -> Outcome:
    found = Outcome("filter")
    found.kept = [instance()] * kept
    for reason in reasons:
        found.reject(reason, instance(output="I'm sorry."), **detail)
    return found


@pytest.mark.parametrize(
    ("kept", "reasons", "warned"),
    [
        (1, ["cut_off"] * 19, True),
        (1, ["cut_off"] * 18, False),
        (2, ["cut_off"] * 18, False),
        (1, ["cut_off"] * 5 + ["target_reached"] * 90, False),
        (1, ["cut_off"] * 5 + ["beyond_max_instances"] * 90, False),
        (1, ["cut_off"] * 30 + ["target_reached"] * 90, True),
    ],
    ids=["below", "too few to judge", "at the share", "the target", "the limit of a task", "below beside the target"],
)
def test_a_stage_warns_if_it_keeps_a_small_share_of_twenty_or_more_records(
    kept: int, reasons: list[str], warned: bool
) -> None:
    said = little_kept(kept, outcome(kept, *reasons).rejected, "filter", 0.1)
    assert said.startswith("; kept less than filter.min_kept=0.1, most rejected as cut_off: the answers") == warned
    assert bool(said) == warned


def test_nothing_is_written_when_nothing_is_kept(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path), pytest.raises(SeedlingError) as error:
        outcome(0, "cut_off", "output_refusal", "output_refusal").write("data/x.jsonl", 3, min_kept=0.1)
    first, second = str(error.value).splitlines()
    assert first == "kept nothing: 2 output_refusal, 1 cut_off"
    assert second.startswith('output_refusal, such as "I\'m sorry.": the model refuses the tasks; choose another model')
    assert list(tmp_path.iterdir()) == []


def test_a_stage_that_keeps_only_seeds_fails(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path), pytest.raises(SeedlingError, match="kept nothing: 1 cut_off"):
        outcome(5, "cut_off").write("data/x.jsonl", 6, min_kept=0.1, seeds=5)


def test_many_seeds_do_not_hide_the_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.chdir(tmp_path):
        outcome(101, *["cut_off"] * 30).write("data/x.jsonl", 131, min_kept=0.1, seeds=100)
    assert "131 in, 101 kept (77.1 %), 30 cut_off -> data/x.jsonl" in (said := capsys.readouterr().err)
    assert "; kept less than filter.min_kept=0.1, most rejected as cut_off: " in said


def test_the_metrics_count_readable_records_and_each_reason(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        outcome(103, *["cut_off"] * 30, "output_refusal").write("data/x.jsonl", 134, min_kept=0.1, seeds=100)
        metrics = json.loads((tmp_path / "reports/metrics/filter.json").read_text("utf-8"))
        assert (metrics["readable"], metrics["few_kept"]) == (round(1 - 30 / 34, 6), 1)
        assert metrics["reasons"] == {"cut_off": 30, "output_refusal": 1}


def test_an_empty_input_and_an_unknown_reason_get_advice_too(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        with pytest.raises(SeedlingError, match="since nothing came in; run the stages before this one"):
            outcome(0).write("data/x.jsonl", 0, min_kept=0.1)
        with pytest.raises(SeedlingError, match="some_reason, such as 'words of a model': choose another model"):
            outcome(0, "some_reason", text="words of a model").write("data/x.jsonl", 1, min_kept=0.1)


def test_every_reason_without_an_answer_has_advice() -> None:
    assert set(NO_ANSWER.values()) <= ADVICE.keys()


@pytest.mark.slow
def test_a_stage_that_keeps_nothing_fails_and_prints_commands_that_restore_the_last_run(
    repository: Repository, llm_server: LlmServer
) -> None:
    before = repository.data()
    llm_server.behaviour = answering(text="It depends.")
    done = repository.seedling("run", "llm@classify.llm=vllm", f"runtime.api_base={llm_server.api_base}")
    assert done.returncode == 1
    assert "classify: kept nothing: 12 verdict_unclear\n" in done.stderr
    assert "classify: verdict_unclear, such as 'It depends.': the model says neither yes nor no" in done.stderr
    way_back = "dvc checkout; git restore reports/metrics/classify.json"
    assert f"`{way_back}` brings back the files of the last run" in done.stderr
    assert repository.data() != before
    assert repository.run("bash", "-c", f"python -m {way_back}").returncode == 0
    assert repository.data() == before


def test_the_filter_fails_when_only_the_seeds_are_left(repository: Repository) -> None:
    tasks = [
        {**row, "instruction": "Sort the words.", "raw_instances": "I'm sorry, but I can't help with that."}
        for row in repository.rows("data/tasks.jsonl")
    ]
    repository.write("data/tasks.jsonl", "".join(json.dumps(row) + "\n" for row in tasks))
    before = repository.data()
    done = repository.stage("filter")
    assert done.returncode == 1
    assert "filter: kept nothing: " in done.stderr
    assert repository.data() == before
