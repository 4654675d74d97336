"""`seedling seeds check`: its report on good, small and broken files."""

import contextlib
import json
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from stages.commands.seeds import first_prompt, form_of, main, near_pairs
from stages.contract.records import SeedTask
from stages.contract.seeds import read_seeds
from stages.generate import Bootstrap, Config
from tests.llm_server import configure, part
from tests.repository import ROOT, SHARED, Repository

OWN = ROOT / "seeds/seed_tasks.jsonl"
MODEL = SHARED / "models/en_ud_small"


def config(**generate: object) -> Config:
    return part(Config, configure(generate=generate))


def seed(name: str, instruction: str, *, given: str = "", label: bool = False) -> dict[str, Any]:
    instances = [{"input": given, "output": "Yes."}]
    return {"id": name, "instruction": instruction, "instances": instances, "is_classification": label}


def written(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return path


def seeds_of(*instructions: str) -> list[SeedTask]:
    return [SeedTask.model_validate(seed(f"seed-{number}", text)) for number, text in enumerate(instructions)]


def report(path: Path | None, capsys: pytest.CaptureFixture[str]) -> str:
    with contextlib.chdir(ROOT):
        assert main(Namespace(file=str(path) if path else None)) == 0
    return capsys.readouterr().out


def test_the_seeds_of_the_repository_cause_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    seeds = read_seeds(str(OWN))
    found = report(OWN, capsys)
    assert f"seeds/seed_tasks.jsonl: {len(seeds)} tasks, every line is well formed\n" in found
    assert f"  classification    {sum(one.is_classification for one in seeds)} of {len(seeds)} (" in found
    assert "  alike             no pair above ROUGE-L 0.7\n" in found
    assert "  note" not in found


def test_without_an_argument_the_configured_file_is_checked_from_any_folder() -> None:
    folder = Repository(ROOT / "seeds")
    done = folder.run(sys.executable, "-m", "stages.commands.cli", "seeds", "check", PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("seeds/seed_tasks.jsonl: 175 tasks, every line is well formed\n")


def test_without_an_argument_the_chosen_file_is_checked(repository: Repository) -> None:
    repository.write("mine.jsonl", json.dumps(seed("one", "Name a river.")))
    repository.choose("seeds.path=mine.jsonl")
    assert repository.seedling("seeds", "check").stdout.startswith("mine.jsonl: 1 task, every line is well formed\n")


def test_one_seed_is_enough_and_the_report_notes_the_empty_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = report(written(tmp_path / "one.jsonl", seed("one", "Name a river.")), capsys)
    assert "one.jsonl: 1 task, every line is well formed\n" in found
    assert re.search(
        r"note +a prompt has 8 places; the seeds fill 1 of them, machine-written\s+tasks at most 2\n", found
    )
    assert "note              no classification task: " in found
    assert found.count("<task>Name a river.</task>") == 1
    assert "no task has an input" not in found


@pytest.mark.parametrize(("tasks", "noted"), [(7, True), (8, False)])
def test_fewer_than_eight_seeds_leave_empty_places(
    tasks: int, noted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [seed(f"seed-{number}", f"Name {number} rivers.") for number in range(tasks)]
    assert ("a prompt has 8 places" in report(written(tmp_path / "few.jsonl", *lines), capsys)) == noted


def test_a_task_with_at_least_one_input_counts_as_a_task_with_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {**seed("both", "Name a river."), "instances": [{"input": text, "output": "Rhine"} for text in ("", "EU")]}
    found = report(written(tmp_path / "both.jsonl", both, seed("none", "Why?")), capsys)
    assert "  without input     1 of 2 (50 %)\n" in found


def test_at_most_ten_pairs_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [seed(f"seed-{number}", "Name a river.") for number in range(13)]
    found = report(written(tmp_path / "same.jsonl", *lines), capsys)
    assert "12 pairs above ROUGE-L 0.7\n" in found
    assert found.count("1.00  seed-0  seed-") == 10


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "windows.jsonl"
    lines = [json.dumps(seed("one", "Name a river.")), "", json.dumps(seed("two", "Why?")), ""]
    path.write_text("\ufeff" + "\r\n".join(lines), "utf-8")
    assert "windows.jsonl: 2 tasks, every line is well formed\n" in report(path, capsys)


@pytest.mark.parametrize(
    ("given", "words"),
    [("", "no task has an input: "), ("Rhine", "every task has an input: ")],
    ids=["none_has_input", "all_have_input"],
)
def test_a_file_in_which_all_or_no_tasks_have_input_is_noted(
    given: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [seed("one", "Name a river.", given=given), seed("two", "Is it long?", given=given, label=True)]
    found = report(written(tmp_path / "kind.jsonl", *lines), capsys)
    assert words in found
    assert "no classification task" not in found


def test_near_duplicates_are_listed_with_their_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        seed("first", "Name three rivers of Europe."),
        seed("other", "Why is the sky blue?"),
        seed("again", "Name four rivers of Europe."),
    ]
    found = report(written(tmp_path / "near.jsonl", *lines), capsys)
    assert "  alike             1 pair above ROUGE-L 0.7\n" in found
    assert "                    0.80  first  again\n" in found


def test_a_pair_that_scores_exactly_the_threshold_is_not_listed() -> None:
    seeds = seeds_of("Name three European rivers.", "Name four European rivers.")
    assert near_pairs(seeds, config(rouge_threshold=0.7)) == [(0.75, "seed-0", "seed-1")]
    assert near_pairs(seeds, config(rouge_threshold=0.75)) == []


def test_an_identical_pair_is_listed_at_every_threshold() -> None:
    texts = ("Name a river.", "Why?", "name a RIVER!")
    assert near_pairs(seeds_of(*texts), config(rouge_threshold=1.0)) == [(1.0, "seed-0", "seed-2")]


def test_each_task_is_listed_with_its_closest_only_and_the_closest_pair_comes_first() -> None:
    texts = ("Name three rivers of Europe.", "Name four rivers of Europe.", "Please name four rivers of Europe.")
    pairs = near_pairs(seeds_of(*texts), config())
    assert [(one, other) for _, one, other in pairs] == [("seed-1", "seed-2"), ("seed-0", "seed-1")]


def test_the_configured_tokenizer_decides_what_is_similar() -> None:
    texts = ("请写一首关于河流的诗。", "请写一首关于河流的诗!")
    assert near_pairs(seeds_of(*texts), config(tokenizer="rouge")) == []
    assert near_pairs(seeds_of(*texts), config(tokenizer="unicode")) == [(1.0, "seed-0", "seed-1")]


GOOD = seed("good", "Name a river.")
BROKEN: dict[str, tuple[object, str]] = {
    "no_json": ('{"id": "bad", ', "the line: Invalid JSON"),
    "no_object": ("[1, 2]", "the line: "),
    "missing_field": ({key: value for key, value in GOOD.items() if key != "instances"}, "instances: Field required"),
    "wrong_type": ({**GOOD, "is_classification": "no"}, "is_classification: "),
    "no_instance": ({**GOOD, "instances": []}, "instances: "),
    "null_input": ({**GOOD, "instances": [{"input": None, "output": "Rhine"}]}, "instances.0.input: "),
    "unknown_field": ({**GOOD, "instruktion": "Name a river."}, "instruktion: "),
    "empty_instruction": ({**GOOD, "instruction": ""}, "instruction: "),
    "blank_instruction": ({**GOOD, "instruction": " "}, "instruction: "),
}


@pytest.mark.slow
@pytest.mark.parametrize(("line", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_line_gives_a_one_line_error_with_file_line_and_field(
    line: object, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "broken.jsonl", GOOD, line)
    done = Repository(ROOT).seedling("seeds", "check", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"seedling: {path}:2: {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_an_unusable_file_gives_a_one_line_error(tmp_path: Path) -> None:
    missing, empty, twice = tmp_path / "missing.jsonl", written(tmp_path / "empty.jsonl"), tmp_path / "twice.jsonl"
    written(twice, GOOD, seed("good", "Why is the sky blue?"))
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(json.dumps({**GOOD, "instruction": "Écris."}, ensure_ascii=False).encode("latin-1"))
    for path, words in (
        (latin, f"is not UTF-8 (invalid continuation byte at byte {latin.read_bytes().index(0xC9)}); save it as UTF-8"),
        (missing, "no such file; correct the path or create the file"),
        (empty, "holds no seed task; one is enough to begin"),
        (twice, "id: 'good' occurs more than once; give each seed its own"),
    ):
        done = Repository(ROOT).seedling("seeds", "check", str(path))
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"seedling: {path}: {words}\n")


@pytest.mark.parametrize(
    ("instruction", "form"),
    [
        ("Name a river.", "imperative"),
        ("Please, then name a river.", "imperative"),
        ("(Label the mail as spam or ham.)", "imperative"),
        ("What is a river", "question"),
        ("Kindly: which river is longest?", "question"),
        ('"Is it long?" Answer in French.', "question"),
        ("Name a river, would you?", "question"),
        ("Whatever you do, name a river.", "imperative"),
        ("Given a river, name its source.", "given context"),
        ("You are a pilot. Describe a river.", "given context"),
        ("In this list, mark the rivers.", "given context"),
        ("A customer complains. Reply.", "given context"),
        ("Insert a comma.", "imperative"),
        ("Nenne einen Fluss.", "imperative"),
        (" ", "imperative"),
    ],
    ids=lambda text: text[:24] or "blank",
)
def test_the_form_of_an_instruction_follows_from_its_opening_and_its_end(instruction: str, form: str) -> None:
    assert form_of(instruction) == form


def test_the_opening_verb_is_the_first_word_after_please(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["Name a river.", "Please name a lake.", "Sort: b, a.", "Why?"]
    lines = [seed(f"seed-{number}", text) for number, text in enumerate(texts)]
    assert "  opening verb      2 different; name 2, sort 1\n" in report(written(tmp_path / "a.jsonl", *lines), capsys)
    assert "  opening verb      none\n" in report(written(tmp_path / "b.jsonl", lines[3]), capsys)


@pytest.mark.parametrize(
    "generate",
    [
        {},
        {"classification_only": True},
        {"domains": ["code"]},
        {"focus": [{"text": text, "weight": 1.0} for text in "abcdefgh"]},
    ],
    ids=["default", "classification_only", "domains", "focus"],
)
def test_the_shown_prompt_is_the_first_one_that_generate_sends(generate: dict[str, object]) -> None:
    seeds, chosen = read_seeds(str(OWN)), config(**generate)
    with contextlib.chdir(ROOT):
        assert first_prompt(seeds, chosen) == Bootstrap(chosen, seeds).prepare(0).prompt


@pytest.mark.slow
def test_the_seeds_of_the_repository_open_with_many_different_verbs() -> None:
    if not MODEL.is_dir():
        pytest.skip("the spaCy model for tests is not beside this repository")
    import spacy

    parse = spacy.load(MODEL)
    verbs = set()
    for one in read_seeds(str(OWN)):
        roots = [sentence.root for sentence in parse(one.instruction).sents]
        verbs |= {root.lemma_.lower() for root in [root for root in roots if root.pos_ == "VERB"][:1]}
    assert len(verbs) >= 75, sorted(verbs)
