"""Reading a file of seed tasks."""

from collections import Counter

from stages.contract.errors import UserError
from stages.contract.jsonl import read_records
from stages.contract.records import SeedTask


def read_seeds(path: str) -> list[SeedTask]:
    """Return the seed tasks of a file: at least one, each with an id of its own.

    Raises:
        UserError: a line is no seed task, two tasks have the same id, or there is none.
    """
    seeds = read_records(path, SeedTask)
    if not seeds:
        raise UserError(f"{path}: holds no seed task; one is enough to begin")
    twice = [name for name, count in Counter(seed.id for seed in seeds).items() if count > 1]
    if twice:
        raise UserError(f"{path}: id: {twice[0]!r} occurs more than once; give each seed its own")
    return seeds
