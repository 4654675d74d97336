"""The tasks of the book: found by their instruction, and by the domain that a text seems to be about."""

import math
import re
from collections import Counter
from functools import cache
from pathlib import Path

from stages.contract.jsonl import read_records
from stages.contract.records import SeedTask

_FOLDER = Path(__file__).parent / "tasks"
_WORD = re.compile(r"[^\W\d_]{3,}")
_SMOOTHING = 0.2


@cache
def tasks() -> tuple[SeedTask, ...]:
    """Return every task of the book, in the order of its files."""
    return tuple(task for path in sorted(_FOLDER.glob("*.jsonl")) for task in read_records(path, SeedTask))


def find(instruction: str) -> SeedTask | None:
    """Return the task with this instruction, whatever white space separates its words; None if the book has none."""
    return _by_instruction().get(" ".join(instruction.split()))


def domain_of(text: str) -> str:
    """Return the domain whose tasks use the words of a text most (naive Bayes)."""
    words = _WORD.findall(text.lower())
    weights = _weights()
    return max(
        sorted(weights), key=lambda domain: sum(weights[domain].get(word, weights[domain][""]) for word in words)
    )


@cache
def _by_instruction() -> dict[str, SeedTask]:
    return {" ".join(task.instruction.split()): task for task in tasks()}


@cache
def _weights() -> dict[str, dict[str, float]]:
    """Return for each domain the logarithm of each word's share of its texts; "" stands for words it does not use.

    The name of a domain and its instructions count more than inputs and outputs.
    """
    counts: dict[str, Counter[str]] = {}
    for task in tasks():
        texts = [task.domain] * 5 + [task.instruction] * 2
        texts += [text for row in task.instances for text in (row.input, row.output)]
        counts.setdefault(task.domain, Counter()).update(_WORD.findall(" ".join(texts).lower()))
    vocabulary = len(set().union(*counts.values()))
    weights = {}
    for domain, known in counts.items():
        size = known.total() + _SMOOTHING * vocabulary
        weights[domain] = {word: math.log((count + _SMOOTHING) / size) for word, count in [("", 0), *known.items()]}
    return weights
