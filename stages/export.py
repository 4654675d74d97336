"""Write the dataset in the formats trainers read, split by task.

data/instances.jsonl -> data/export/, data/rejected/export.jsonl
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from stages.contract.files import write_json, write_text, writing
from stages.contract.jsonl import read_records
from stages.contract.notice import demonstration_notice
from stages.contract.outcome import Outcome
from stages.contract.records import Instance
from stages.contract.sections.base import Section
from stages.contract.sections.export import Export
from stages.contract.stage import stage

SPLITS = ("train", "validation")


class Config(Section):
    """The sections of params.yaml that this stage reads."""

    export: Export


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
    """Return the split of a task. It depends on the task's id alone, so no task moves when the dataset grows."""
    point = int.from_bytes(hashlib.sha256(instruction_id.encode()).digest()[:8])
    return "validation" if point < validation_fraction * 2**64 else "train"


def divide(instances: Sequence[Instance], export: Export, outcome: Outcome) -> dict[str, list[Instance]]:
    """Return the instances of each split; instances that the config leaves out are rejected."""
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
    """Write every split that has rows, in every format; return the number of rows and the sha256 of each file.

    `datasets.load_dataset` fails on a file without rows, so none is written. It loads every file it finds, so files of
    an earlier run are deleted.
    """
    files = {}
    for name in formats:
        ending, render = FORMATS[name]
        for split, instances in splits.items():
            if not instances:
                continue
            path = folder / name / f"{split}.{ending}"
            with writing(path) as target, open(target, "w", encoding="utf-8") as file:
                file.writelines(render(instances))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files[f"{name}/{path.name}"] = {"rows": len(instances), "sha256": digest}
    for path in folder.glob("*/*"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    return files


def front_matter(files: Iterable[str]) -> str:
    """Return the YAML head of the card: a configuration for each format, the first one being the default.

    Without it, `datasets.load_dataset` reads the files of all formats as one table.
    """
    configs: dict[str, list[dict[str, str]]] = {}
    for path in files:
        name, _, file = path.partition("/")
        configs.setdefault(name, []).append({"split": file.partition(".")[0], "path": path})
    listed = [
        {"config_name": name, **({} if number else {"default": True}), "data_files": paths}
        for number, (name, paths) in enumerate(configs.items())
    ]
    return f"---\n{yaml.safe_dump({'configs': listed}, sort_keys=False)}---\n\n"


CARD = """\
# Dataset card
{notice}
Instruction-tuning data grown with Self-Instruct (arXiv 2212.10560) by Seedling.

| split | rows | tasks | classification tasks |
|---|---|---|---|
{counts}

- Written by: {models}; {seeds} rows are seeds.
- Every row: an instruction, an input (may be empty), an output. Splits never share a task.
- Made by: `dvc repro` at the git revision that this file belongs to. `manifest.json` has the sha256 of each file.
- Known limits: no person has reviewed these rows, so they carry the mistakes, the style and the biases of the model.
  The terms of its provider may limit what you train on them.
"""


def card(splits: dict[str, list[Instance]], models: Sequence[str]) -> str:
    """Return the dataset card, Markdown."""
    notice = demonstration_notice(models)
    return CARD.format(
        notice=f"\n> {notice}\n" if notice else "",
        counts="\n".join(_count_line(name, instances) for name, instances in splits.items()),
        models=", ".join(models) or "no model",
        seeds=sum(instance.source == "seed" for instances in splits.values() for instance in instances),
    )


def _count_line(name: str, instances: Sequence[Instance]) -> str:
    tasks = {instance.instruction_id: instance.is_classification for instance in instances}
    return f"| {name} | {len(instances):,} | {len(tasks):,} | {sum(tasks.values()):,} |"


def main() -> None:
    """Write the files, a manifest and a dataset card."""
    with stage("export", Config) as config:
        outcome = Outcome("export")
        instances = read_records("data/instances.jsonl", Instance)
        splits = divide(instances, config.export, outcome)
        outcome.refuse_nothing(sum(map(len, splits.values())))
        folder = Path("data/export")
        models = sorted({instance.model for instance in instances if instance.model})
        notice = demonstration_notice(models)
        files = write_splits(splits, config.export.formats, folder)
        write_json(folder / "manifest.json", {"models": models, "notice": notice, "files": files})
        write_text(folder / "README.md", front_matter(files) + card(splits, models))
        outcome.close(f"{folder}/", len(instances), sum(map(len, splits.values())))
        if notice:
            print(f"export: {notice}", file=sys.stderr)


if __name__ == "__main__":
    main()
