"""`seedling answers`: export and import lose nothing, and prune keeps every answer in use."""

import json
import shutil
from pathlib import Path

import pytest

from tests.repository import Repository, stages_run

STORE = ".dvc/cache/answers"
MODEL_STAGES = ("generate", "classify", "instantiate")


def exported(repository: Repository, name: str = "answers.jsonl") -> list[str]:
    done = repository.seedling("answers", "export", name)
    assert done.returncode == 0, done.stderr
    return repository.read(name).splitlines()


def forget(repository: Repository) -> None:
    """Delete every stored answer and everything DVC could restore a result from."""
    for folder in (STORE, ".dvc/cache/runs", ".dvc/cache/files"):
        shutil.rmtree(repository.root / folder)


def test_an_export_lists_every_answer_by_key_and_writes_the_same_bytes_each_time(
    repository: Repository,
) -> None:
    lines = exported(repository)
    keys = [json.loads(line)["answer"]["key"] for line in lines]
    transcripts = [row["key"] for name in MODEL_STAGES for row in repository.rows(f"data/answers/{name}.jsonl")]
    assert set(transcripts) <= set(keys)
    assert keys == sorted(set(keys))
    assert exported(repository, "again.jsonl") == lines


@pytest.mark.slow
def test_an_import_adds_every_exported_answer_once(repository: Repository) -> None:
    lines = exported(repository)
    shutil.rmtree(repository.root / STORE)
    first, second = (repository.seedling("answers", "import", "answers.jsonl") for _ in range(2))
    path = repository.root / "answers.jsonl"
    assert first.stdout == f"{path}: {len(lines)} answers added, 0 were there\n"
    assert second.stdout == f"{path}: 0 answers added, {len(lines)} were there\n"
    assert exported(repository) == lines


@pytest.mark.slow
def test_a_dataset_is_rebuilt_from_its_transcripts_without_a_key_or_a_server(repository: Repository) -> None:
    before = repository.data()
    transcripts = [f"data/answers/{name}.jsonl" for name in MODEL_STAGES]
    shutil.copytree(repository.root / "data/answers", repository.root / "handed_on")
    forget(repository)
    shutil.rmtree(repository.root / "data")
    handed_on = [path.replace("data/answers", "handed_on") for path in transcripts]
    taken = repository.seedling("answers", "import", *handed_on)
    assert taken.returncode == 0, taken.stderr
    done = repository.seedling("run")
    assert done.returncode == 0, done.stderr
    assert "new calls" not in done.stderr
    assert stages_run(done)[0] == "generate"
    assert repository.data() == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("no answer", ":1: is not JSON; correct this line", id="invalid_json"),
        pytest.param("[1]", ":1: the line:", id="json_list"),
        pytest.param('{"key": "0"}', ":1: model, served_by, text, ", id="missing_fields"),
        pytest.param("", None, id="empty_line"),
    ],
)
def test_a_line_that_is_not_an_answer_is_reported_with_its_number(
    repository: Repository, line: str, message: str | None
) -> None:
    repository.write("mine.jsonl", line + "\n")
    done = repository.seedling("answers", "import", "mine.jsonl")
    assert done.returncode == (0 if message is None else 2)
    assert (message or "0 answers added, 0 were there") in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param('"sample":0', '"sample":7', "is not that of the request beside it", id="request_edited"),
        pytest.param('"key":"', '"key":"x', "is not a key of 64 hex digits", id="key_edited"),
    ],
)
def test_a_wrong_key_rejects_the_whole_file(repository: Repository, old: str, new: str, message: str) -> None:
    lines = exported(repository)
    shutil.rmtree(repository.root / STORE)
    repository.write("answers.jsonl", "\n".join([*lines[1:], lines[0].replace(old, new, 1)]) + "\n")
    done = repository.seedling("answers", "import", "answers.jsonl")
    assert done.returncode == 2
    assert f"answers.jsonl:{len(lines)}: key:" in done.stderr
    assert message in done.stderr
    assert exported(repository, "after.jsonl") == [""]


def test_an_import_never_overwrites_a_stored_answer(repository: Repository) -> None:
    lines = exported(repository)
    other = [json.loads(line) for line in lines]
    other[0]["answer"]["text"] = "something else"
    repository.write("other.jsonl", "\n".join(map(json.dumps, other)) + "\n")
    done = repository.seedling("answers", "import", "other.jsonl")
    assert f"0 answers added, {len(lines)} were there, of which 1 differ: those in the store stay" in done.stdout
    assert exported(repository) == lines


@pytest.mark.slow
def test_prune_keeps_every_answer_that_the_dataset_uses(repository: Repository) -> None:
    """Without the transcript of `instantiate`, the dataset uses the answers of the other two stages."""
    lines = exported(repository)
    (repository.root / "data/answers/instantiate.jsonl").unlink()
    kept = {row["key"] for name in ("generate", "classify") for row in repository.rows(f"data/answers/{name}.jsonl")}
    unused = len(lines) - len(kept)
    shown = repository.seedling("answers", "prune", "--older-than", "-1")
    assert f"would delete {unused} answers" in shown.stdout
    assert exported(repository) == lines
    done = repository.seedling("answers", "prune", "--older-than", "-1", "--yes")
    assert f"deleted {unused} answers" in done.stdout
    assert {json.loads(line)["answer"]["key"] for line in exported(repository)} == kept


@pytest.mark.slow
def test_prune_keeps_answers_younger_than_the_limit(repository: Repository) -> None:
    lines = exported(repository)
    shutil.rmtree(repository.root / "data/answers")
    done = repository.seedling("answers", "prune", "--older-than", "1", "--yes")
    assert "deleted 0 answers" in done.stdout
    assert exported(repository) == lines


def test_stats_add_up_answers_and_tokens(repository: Repository) -> None:
    answers = [json.loads(line)["answer"] for line in exported(repository)]
    done = repository.seedling("answers", "stats")
    [row] = [line.split() for line in done.stdout.splitlines() if line.startswith("offline/book")]
    figures = [
        len(answers),
        *(sum(answer[f"{kind}_tokens"] for answer in answers) for kind in ("prompt", "completion")),
    ]
    assert row[1:4] == [f"{figure:,}" for figure in figures]


def test_paths_are_relative_to_the_current_folder(repository: Repository) -> None:
    export = "PYTHONPATH=.. python -m stages.commands.cli answers export here.jsonl"
    done = repository.run("sh", "-c", f"cd seeds && {export}")
    assert done.returncode == 0, done.stderr
    assert (repository.root / "seeds/here.jsonl").exists()


def test_an_export_to_an_unwritable_path_gives_a_one_line_error(repository: Repository) -> None:
    done = repository.seedling("answers", "export", "README.md/answers.jsonl")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert Path("README.md").name in done.stderr
