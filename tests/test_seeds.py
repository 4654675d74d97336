"""The seed tasks: the stated coverage, right answers, and code that runs."""

import ast
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from rapidfuzz.distance import LCSseq

from stages.contract.records import SeedTask
from stages.contract.seeds import read_seeds
from stages.novelty.tokens import rouge_tokens
from tests.repository import ROOT, SHARED

SEEDS = read_seeds(str(ROOT / "seeds/seed_tasks.jsonl"))
CHECKS: dict[str, tuple[str, str]] = json.loads((ROOT / "tests/seed_answers.json").read_text("utf-8"))


def similarity(one: str, other: str) -> float:
    """Return the ROUGE-L F1 of two texts, 0 to 1."""
    first, second = rouge_tokens(one), rouge_tokens(other)
    return 2 * LCSseq.similarity(first, second) / (len(first) + len(second))


def closest(texts: list[str], others: list[str]) -> tuple[float, str, str]:
    return max((similarity(text, other), text, other) for text in texts for other in others if text is not other)


def test_the_readme_states_the_coverage_of_the_seeds() -> None:
    words = [len(seed.instruction.split()) for seed in SEEDS]
    found = {
        "tasks": f"{len(SEEDS)} in {len({seed.domain for seed in SEEDS})} domains",
        "classification tasks": str(sum(seed.is_classification for seed in SEEDS)),
        "tasks without input": str(sum(not any(row.input for row in seed.instances) for seed in SEEDS)),
        "words of an instruction": f"{min(words)} to {max(words)}, mean {sum(words) / len(words):.1f}",
        "closest two instructions": f"ROUGE-L {closest(texts := [seed.instruction for seed in SEEDS], texts)[0]:.2f}",
    }
    readme = (ROOT / "seeds/README.md").read_text("utf-8")
    assert [name for name, value in found.items() if f"| {name} | {value}" not in readme] == [], found


def test_ids_and_names_are_unique_and_every_task_has_a_domain() -> None:
    assert max(Counter(seed.id for seed in SEEDS).values()) == 1
    assert max(Counter(seed.name for seed in SEEDS).values()) == 1
    assert all(seed.domain and seed.name for seed in SEEDS)
    assert min(Counter(seed.domain for seed in SEEDS).values()) >= 5


def test_the_seeds_have_the_intended_mix_of_kinds() -> None:
    assert 26 <= sum(seed.is_classification for seed in SEEDS) <= 30
    assert 45 <= sum(not any(row.input for row in seed.instances) for seed in SEEDS) <= 55
    assert all(1 <= len(seed.instances) <= 3 for seed in SEEDS)
    assert all(row.output.strip() for seed in SEEDS for row in seed.instances)


def test_no_seed_is_a_near_duplicate_of_a_published_task() -> None:
    files = [SHARED / "data" / name for name in ("upstream_seed_tasks.jsonl", "user_oriented_instructions.jsonl")]
    if not all(path.exists() for path in files):
        pytest.skip("the published tasks are not beside this repository")
    published = [json.loads(line)["instruction"] for path in files for line in path.read_text("utf-8").splitlines()]
    score, ours, theirs = closest([seed.instruction for seed in SEEDS], published)
    assert score <= 0.6, (ours, theirs)


def test_classification_tasks_have_short_labels() -> None:
    labels = [row.output for seed in SEEDS if seed.is_classification for row in seed.instances]
    assert all(len(label.split()) <= 6 for label in labels)


def python_outputs() -> list[SeedTask]:
    def is_python(text: str) -> bool:
        return bool(re.search(r"^(?:def \w+\(|import \w+$|from \w+ import |class \w+)", text, re.MULTILINE))

    return [seed for seed in SEEDS if any(is_python(row.output) for row in seed.instances)]


@pytest.mark.parametrize("seed", python_outputs(), ids=lambda seed: seed.name)
def test_code_in_outputs_runs(seed: SeedTask) -> None:
    for row in seed.instances:
        exec(compile(ast.parse(row.output), seed.name, "exec"), {})  # noqa: S102  our own seeds, defined above


@pytest.mark.parametrize("name", CHECKS)
def test_figures_in_outputs_are_right(name: str) -> None:
    expression, shown = CHECKS[name]
    [seed] = [seed for seed in SEEDS if seed.name == name]
    assert str(eval(expression)) == shown  # noqa: S307  expressions of our own
    assert shown in seed.instances[0].output


def test_the_file_is_in_canonical_json() -> None:
    lines = Path(ROOT / "seeds/seed_tasks.jsonl").read_text("utf-8").splitlines()
    assert lines == [json.dumps(seed.model_dump(), ensure_ascii=False) for seed in SEEDS]
