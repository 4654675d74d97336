"""Export: every row once, every task in one split, and a stable split when the dataset grows."""

import hashlib
import json
from pathlib import Path

import yaml

from stages.contract.outcome import Outcome
from stages.contract.sections.export import Export
from stages.export import alpaca, card, chat, divide, front_matter, split_of, write_splits
from tests.records import NOTICE, instance
from tests.repository import Repository

ROWS = [instance(id=f"ins-{n}-{k}", instruction_id=f"ins-{n}", output=f"{n} {k}") for n in range(200) for k in range(2)]
WITH_SEEDS = Export(formats=["alpaca"], validation_fraction=0.1, include_seeds=True)


def test_a_task_is_never_in_two_splits() -> None:
    splits = divide(ROWS, WITH_SEEDS, Outcome("export"))
    tasks = {name: {row.instruction_id for row in rows} for name, rows in splits.items()}
    assert not tasks["train"] & tasks["validation"]
    assert 10 <= len(tasks["validation"]) <= 30
    assert sum(map(len, splits.values())) == len(ROWS)


def test_a_growing_fraction_only_adds_tasks_to_validation() -> None:
    chosen = [{n for n in range(500) if split_of(f"ins-{n}", share) == "validation"} for share in (0.0, 0.1, 0.3, 1.0)]
    assert chosen[0] == set()
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3] == set(range(500))


def test_seeds_excluded_by_config_are_rejected_with_a_reason() -> None:
    outcome = Outcome("export")
    rows = [instance(source="seed", model=""), *ROWS]
    splits = divide(rows, WITH_SEEDS.model_copy(update={"include_seeds": False}), outcome)
    assert [row.reason for row in outcome.rejected] == ["seed_left_out"]
    assert sum(map(len, splits.values())) + 1 == len(rows)


def test_alpaca_is_one_json_array_of_three_fields() -> None:
    rows = json.loads("".join(alpaca([instance(input="", output='quote " and \n newline'), instance()])))
    assert rows[0] == {"instruction": "Sort the words.", "input": "", "output": 'quote " and \n newline'}
    assert len(rows) == 2
    assert json.loads("".join(alpaca([]))) == []


def test_chat_joins_instruction_and_input_by_a_blank_line() -> None:
    [with_input, without] = [json.loads(line) for line in chat([instance(), instance(input="")])]
    assert with_input["messages"][0] == {"role": "user", "content": "Sort the words.\n\nb a"}
    assert without["messages"][0]["content"] == "Sort the words."


def test_letters_outside_ascii_are_written_as_they_are() -> None:
    rows = [instance(instruction="Écris un poème.", input="", output="你好")]
    for text in ("".join(alpaca(rows)), "".join(chat(rows))):
        assert "Écris un poème." in text
        assert "你好" in text


def test_only_the_configured_formats_are_written_and_the_manifest_counts_their_rows(tmp_path: Path) -> None:
    files = write_splits({"train": ROWS[:3], "validation": ROWS[3:5]}, ["chat"], tmp_path)
    assert {name: entry["rows"] for name, entry in files.items()} == {"chat/train.jsonl": 3, "chat/validation.jsonl": 2}
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json*")) == sorted(files)
    for name, entry in files.items():
        assert entry["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_an_empty_split_has_no_file_and_stale_files_are_removed(tmp_path: Path) -> None:
    write_splits({"train": ROWS[:3], "validation": ROWS[3:5]}, ["alpaca", "chat"], tmp_path)
    files = write_splits({"train": ROWS[:3], "validation": []}, ["alpaca"], tmp_path)
    assert list(files) == ["alpaca/train.json"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "alpaca/train.json"]


def test_the_card_lists_a_configuration_for_each_format_with_the_first_as_default() -> None:
    head = front_matter(["chat/train.jsonl", "alpaca/train.json", "alpaca/validation.json"])
    assert head.startswith("---\n")
    assert head.endswith("\n---\n\n")
    chat_files = [{"split": "train", "path": "chat/train.jsonl"}]
    alpaca_files = [{"split": name, "path": f"alpaca/{name}.json"} for name in ("train", "validation")]
    assert yaml.safe_load(head.strip("-\n")) == {
        "configs": [
            {"config_name": "chat", "default": True, "data_files": chat_files},
            {"config_name": "alpaca", "data_files": alpaca_files},
        ]
    }


def test_the_card_of_a_run_lists_exactly_the_files_written(finished: Repository) -> None:
    head = finished.read("data/export/README.md").split("---")[1]
    listed = {file["path"] for entry in yaml.safe_load(head)["configs"] for file in entry["data_files"]}
    assert listed == json.loads(finished.read("data/export/manifest.json"))["files"].keys()


def test_the_card_warns_of_demonstration_data_only() -> None:
    splits = {"train": [instance()], "validation": []}
    assert NOTICE in card(splits, ["offline/book"])
    assert NOTICE not in card(splits, ["openai/gpt-4.1"])
    assert NOTICE in card(splits, ["offline/book", "openai/gpt-4.1"])
    assert "| train | 1 | 1 | 0 |" in card(splits, [])


def test_the_card_counts_rows_tasks_and_seeds() -> None:
    rows = [instance(is_classification=True), instance(), instance(instruction_id="s", source="seed", model="")]
    found = card({"train": rows, "validation": [instance(instruction_id="t", is_classification=True)]}, ["openai/x"])
    assert "| train | 3 | 2 | 0 |\n| validation | 1 | 1 | 1 |" in found
    assert "Written by: openai/x; 1 rows are seeds." in found
