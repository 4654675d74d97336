"""`seedling demo`: run the whole DAG with the built-in model and show some of the dataset. It never costs anything."""

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from stages.choice.files import check_files
from stages.commands.reproduce import alone, reproduce
from stages.contract.config import Config
from stages.contract.errors import UserError
from stages.contract.files import load_yaml
from stages.contract.jsonl import read_records
from stages.contract.notice import demonstration_notice
from stages.contract.params import current_config
from stages.contract.records import Instance, Rejected
from stages.page.spread import spread

_WIDTH = 100
_LABEL = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: there are none."""


def main(_: argparse.Namespace) -> int:
    """Run the DAG and print some of the dataset; return the exit code.

    Raises:
        UserError: the config of a stage names another model than the built-in one.
    """
    config = current_config(Config)
    check_files(config)
    for name, section in (
        ("generate", config.generate),
        ("classify", config.classify),
        ("instantiate", config.instantiate),
    ):
        if section.llm.provider != "offline":
            raise UserError(
                f"{name}.llm.model: {section.llm.model!r} is chosen and the demonstration never pays; "
                "`seedling run` runs it, `seedling run --reset` returns to the built-in model"
            )
    with alone():
        code = reproduce({})
    if code:
        return code
    print("\n".join(_outcome()))
    return 0


def _outcome() -> Iterator[str]:
    stages = list(load_yaml("dvc.yaml")["stages"])
    yield f"\n{'':<13}{'in':>7}{'out':>7}{'rejected':>10}{'requests':>10}{'USD':>7}"
    for name in stages:
        path = Path(f"reports/metrics/{name}.json")
        if path.exists():
            row = json.loads(path.read_text("utf-8"))
            counts = f"{row['in']:>7,}{row['out']:>7,}{row['rejected']:>10,}{row['requests']:>10,}"
            yield f"{name:<13}{counts}{row['cost_usd']:>7.2f}"
    kept = [row for row in read_records("data/instances.jsonl", Instance) if row.source == "machine"]
    shown = spread(kept, 3)
    yield f"\nkept, {len(shown)} of {len(kept):,}:"
    for instance in shown:
        yield from _lines("instruction", instance.instruction)
        yield from _lines("input", instance.input or "(none)")
        yield from _lines("output", instance.output)
        yield ""
    found = [read_records(f"data/rejected/{name}.jsonl", Rejected) for name in ("generate", "filter")]
    rejected = [row for rows in found for row in spread(rows, 1)]
    yield f"rejected, {len(rejected)}:"
    for row in rejected:
        detail = ", ".join(f"{name} {value}" for name, value in row.detail.items())
        yield from _lines(row.reason, str(row.record["instruction"]) + (f" ({detail})" if detail else ""))
    yield ""
    if notice := demonstration_notice({row.model for row in kept}):
        yield notice
    yield from _lines("dataset", "data/export/")
    yield from _lines("report", "data/report.html")
    yield from _lines("rejected", "data/rejected/")
    yield from _lines("activate .venv", f". {os.path.relpath(sys.prefix)}/bin/activate")
    yield from _lines("a real model", "export OPENAI_API_KEY=…; seedling run llm=openai generate.num_instructions=20")


def _lines(label: str, text: str) -> Iterator[str]:
    """Yield at most four lines of a text beside its label."""
    wrapped = [part for line in text.splitlines() for part in textwrap.wrap(line, _WIDTH - _LABEL - 2) or [""]] or [""]
    shown = wrapped if len(wrapped) <= 4 else [*wrapped[:3], "…"]
    for number, line in enumerate(shown):
        yield f"  {'' if number else label:<{_LABEL}}{line}"
