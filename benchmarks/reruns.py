"""What an edit costs: the stages that run and the requests that are asked anew, measured with the built-in model.

    python -m benchmarks.reruns

Each edit is made in a copy of one finished default dataset; an answer is new when the store did not hold it.
"""

import sqlite3
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


EDITS: dict[str, Callable[[Repository], list[str]]] = {
    "runtime.concurrency=4": chosen("runtime.concurrency=4"),
    "export.validation_fraction=0.2": chosen("export.validation_fraction=0.2"),
    "filter.max_instances_per_task=1": chosen("filter.max_instances_per_task=1"),
    "filter.rouge_threshold=0.6": chosen("filter.rouge_threshold=0.6"),
    "a comment in stages/text/parse.py": edited("stages/text/parse.py", "", "# read again\n"),
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


def main() -> None:
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
