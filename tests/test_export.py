"""Files for training: every row once, tasks whole, nothing moved when a set grows."""

import json

from stages.contract.config import Export
from stages.contract.stage import Outcome
from stages.export import alpaca, card, chat, divide, split_of
from tests.records import instance

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


def test_seeds_left_out_by_config_are_rejected() -> None:
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


def test_the_card_warns_of_demonstration_data_only() -> None:
    splits = {"train": [instance()], "validation": []}
    assert "demonstration data" in card(splits, ["offline/procedural"])
    assert "demonstration" not in card(splits, ["openai/gpt-4.1"])
    assert "| train | 1 | 1 | 0 |" in card(splits, [])
