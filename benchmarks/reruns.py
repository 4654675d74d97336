"""Measure what an edit costs, with the built-in model: the stages that run and the requests that are asked again.

    python -m benchmarks.reruns
    python -m benchmarks.reruns --files

Each edit is made in a copy of one finished default dataset. A request counts if the store did not hold its answer.
With --files, a comment is added to each file under stages/ in turn, and the stages that would run again are printed.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.repository import Repository, new_repository, stages_run

INSTRUCTIONS = 200
NEW_SEED = (
    '{"id": "seed-new", "instruction": "List three uses of an old umbrella.", "instances": [{"input": "", "output": '
    '"A plant trellis, a rain collector, a photo reflector."}], "is_classification": false}\n'
)


def chosen(*overrides: str) -> Callable[[Repository], list[str]]:
    """Return an edit that is a choice on the command line."""
    return lambda _: list(overrides)


def edited(path: str, old: str, new: str) -> Callable[[Repository], list[str]]:
    """Return an edit of a file: `old` becomes `new`, or `new` is appended where `old` is empty."""

    def edit(repository: Repository) -> list[str]:
        text = repository.read(path)
        repository.write(path, text.replace(old, new) if old else text + new)
        return []

    return edit


COMMENTED = {".py", ".j2", ".sh", ".jsonl"}
EDITS: dict[str, Callable[[Repository], list[str]]] = {
    "runtime.concurrency=4": chosen("runtime.concurrency=4"),
    "export.validation_fraction=0.2": chosen("export.validation_fraction=0.2"),
    "filter.max_instances_per_task=1": chosen("filter.max_instances_per_task=1"),
    "filter.rouge_threshold=0.6": chosen("filter.rouge_threshold=0.6"),
    "a comment in stages/text/marks.py": edited("stages/text/marks.py", "", "# read again\n"),
    "generate.num_instructions=300": chosen("generate.num_instructions=300"),
    "instantiate.temperature=0.5": chosen("instantiate.temperature=0.5"),
    "classify.temperature=0.5": chosen("classify.temperature=0.5"),
    "a word in prompts/chat/classify.j2": edited("prompts/chat/classify.j2", "the", "each"),
    "generate.rouge_threshold=0.6": chosen("generate.rouge_threshold=0.6"),
    "one more seed": edited("seeds/seed_tasks.jsonl", "", NEW_SEED),
    "seed=43": chosen("seed=43"),
}


def stored(repository: Repository) -> int:
    """Return how many answers the store of a repository holds."""
    with sqlite3.connect(repository.root / ".dvc/cache/answers/answers.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])


def comment(path: Path) -> str:
    """Return a line that changes a file but not what it does."""
    return {".j2": "{# read again #}\n", ".jsonl": "\n"}.get(path.suffix, "# read again\n")


def stages_changed(repository: Repository) -> str:
    """Return the stages that DVC would run again, in the order of dvc.yaml."""
    done = repository.dvc("status", "--json")
    assert done.returncode == 0, done.stderr
    return ", ".join(json.loads(done.stdout)) or "none"


def measure_files() -> None:
    """Print a table of what each file under stages/ reruns; files of a folder that rerun the same share a line."""
    with tempfile.TemporaryDirectory() as folder:
        finished = new_repository(Path(folder, "finished"), 12)
        first = finished.seedling("run")
        assert first.returncode == 0, first.stderr
        found: dict[tuple[str, str], list[str]] = {}
        for path in sorted(path for path in (finished.root / "stages").rglob("*") if path.suffix in COMMENTED):
            name, text = path.relative_to(finished.root), path.read_bytes()
            path.write_bytes(text + comment(path).encode())
            stages = stages_changed(finished)
            path.write_bytes(text)
            room = "/".join(name.parts[:2]) if len(name.parts) > 2 else str(name)
            found.setdefault((room, stages), []).append("/".join(name.parts[2:]) or name.name)
    print("| a comment in | reruns |\n|---|---|")
    rooms = [room for room, _ in found]
    for (room, stages), names in found.items():
        which = f": {', '.join(names)}" if rooms.count(room) > 1 else ""
        print(f"| {room}{which} | {stages} |")


def main() -> None:
    """Print a table with a line for each edit, or for the files under stages/."""
    if sys.argv[1:] == ["--files"]:
        measure_files()
    else:
        measure_edits()


def measure_edits() -> None:
    """Print a table with a line for each edit."""
    with tempfile.TemporaryDirectory() as folder:
        finished = new_repository(Path(folder, "finished"), INSTRUCTIONS)
        first = finished.seedling("run")
        assert first.returncode == 0, first.stderr
        finished.commit()
        print("| I edit | stages that run | requests asked anew |\n|---|---|---|")
        print(f"| nothing yet: the first run | {', '.join(stages_run(first))} | {stored(finished)} |")
        for number, (name, edit) in enumerate(EDITS.items()):
            copy = finished.copy(Path(folder, str(number)))
            done = copy.seedling("run", *edit(copy))
            assert done.returncode == 0, done.stderr
            print(
                f"| {name} | {', '.join(stages_run(done)) or 'none'} | {stored(copy) - stored(finished)} |", flush=True
            )


if __name__ == "__main__":
    main()
