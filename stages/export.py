"""Write the dataset in the formats trainers read, split by task.

data/instances.jsonl -> data/export/, data/rejected/export.jsonl
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from stages.contract.config import Export
from stages.contract.jsonl import read_records, write_json, writing
from stages.contract.records import Instance, demonstration_notice
from stages.contract.stage import Outcome, stage

SPLITS = ("train", "validation")


def alpaca(instances: Iterable[Instance]) -> Iterator[str]:
    """Yield one JSON array of {instruction, input, output}."""
    yield "["
    for number, instance in enumerate(instances):
        row = {"instruction": instance.instruction, "input": instance.input, "output": instance.output}
        yield ("," if number else "") + "\n" + json.dumps(row, ensure_ascii=False)
    yield "\n]\n"


def chat(instances: Iterable[Instance]) -> Iterator[str]:
    """Yield JSON Lines of {messages}: the user's turn is the instruction, a blank line and the input if any."""
    for instance in instances:
        messages = [
            {"role": "user", "content": "\n\n".join(filter(None, [instance.instruction, instance.input]))},
            {"role": "assistant", "content": instance.output},
        ]
        yield json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Iterable[Instance]], Iterator[str]]]] = {
    "alpaca": ("json", alpaca),
    "chat": ("jsonl", chat),
}
"""Name -> file ending and writer."""


def split_of(instruction_id: str, validation_fraction: float) -> str:
    """Return the split of a task; it depends on the task's id alone, so a growing set moves no task."""
    point = int.from_bytes(hashlib.sha256(instruction_id.encode()).digest()[:8])
    return "validation" if point < validation_fraction * 2**64 else "train"


def divide(instances: Sequence[Instance], export: Export, outcome: Outcome) -> dict[str, list[Instance]]:
    """Return the instances of each split; those the config leaves out are rejected."""
    splits: dict[str, list[Instance]] = {name: [] for name in SPLITS}
    for instance in instances:
        if instance.source == "seed" and not export.include_seeds:
            outcome.reject("seed_left_out", instance)
        else:
            splits[split_of(instance.instruction_id, export.validation_fraction)].append(instance)
    return splits


def write_splits(
    splits: dict[str, list[Instance]], formats: Sequence[str], folder: Path
) -> dict[str, dict[str, object]]:
    """Write every split in every format; return rows and sha256 of each file by its name."""
    files = {}
    for name in formats:
        ending, render = FORMATS[name]
        for split, instances in splits.items():
            path = folder / name / f"{split}.{ending}"
            with writing(path) as target, open(target, "w", encoding="utf-8") as file:
                file.writelines(render(instances))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files[f"{name}/{path.name}"] = {"rows": len(instances), "sha256": digest}
    return files


def main() -> None:
    """Write the files and a manifest that says what is in them."""
    with stage("export") as config:
        outcome = Outcome("export")
        instances = read_records("data/instances.jsonl", Instance)
        splits = divide(instances, config.export, outcome)
        folder = Path("data/export")
        models = sorted({instance.model for instance in instances if instance.model})
        manifest = {
            "models": models,
            "notice": demonstration_notice(models),
            "files": write_splits(splits, config.export.formats, folder),
        }
        write_json(folder / "manifest.json", manifest)
        outcome.close(f"{folder}/", len(instances), sum(map(len, splits.values())))


if __name__ == "__main__":
    main()
