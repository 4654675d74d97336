"""Read a file of seed tasks."""

import json
import re
from collections import Counter
from collections.abc import Iterator

from stages.contract.errors import UserError
from stages.contract.jsonl import numbered_lines, parse_record
from stages.contract.records import SeedTask

_EXAMPLE = (
    'a task is one line such as {"id": "own-1", "instruction": "…", "instances": [{"input": "", "output": "…"}], '
    '"is_classification": false}'
)
_GAP = re.compile(r"[\s,]*")


def read_seeds(path: str) -> list[SeedTask]:
    """Return the seed tasks of a file, at least one, each with an id of its own.

    The file is JSON Lines, or one JSON array of tasks.

    Raises:
        UserError: a task has a fault, two tasks have the same id, or there is none.
    """
    seeds = [parse_record(text, SeedTask, f"{path}:{line}", _EXAMPLE) for line, text in _tasks(path)]
    if not seeds:
        raise UserError(f"{path}: holds no seed task; one is enough to begin")
    twice = [name for name, count in Counter(seed.id for seed in seeds).items() if count > 1]
    if twice:
        raise UserError(f"{path}: id: {twice[0]!r} occurs more than once; give each seed its own")
    return seeds


def _tasks(path: str) -> Iterator[tuple[int, str]]:
    """Yield the JSON of each task with the number of the line on which it begins."""
    # Windows editors start a file with a byte order mark, and concatenated files have one before each part.
    lines = [(number, line.strip("\ufeff \t\r\n")) for number, line in numbered_lines(path)]
    filled = [(number, line) for number, line in lines if line]
    if filled and filled[0][1].startswith("["):
        yield from _elements(path, "\n".join(line for _, line in lines))
    else:
        yield from filled


def _elements(path: str, array: str) -> Iterator[tuple[int, str]]:
    """Yield the text of each element of a JSON array with the number of the line on which it begins.

    Raises:
        UserError: the text is not one JSON array.
    """
    try:
        json.loads(array)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: the array: Invalid JSON: {error.msg}; correct it") from None
    decoder = json.JSONDecoder()
    at, line = array.index("[") + 1, 1
    counted = 0
    while array[at := _GAP.match(array, at).end()] != "]":  # type: ignore[union-attr]  # it matches the empty text too
        line += array.count("\n", counted, at)
        counted = at
        _, end = decoder.raw_decode(array, at)
        yield line, array[at:end]
        at = end
