"""A sample of records to show."""

from collections.abc import Sequence
from typing import TypeVar

Shown = TypeVar("Shown")


def spread(records: Sequence[Shown], count: int) -> list[Shown]:
    """Return `count` records evenly spaced over all of them, in order; all of them if there are fewer."""
    if count >= len(records):
        return list(records)
    return [records[(2 * place + 1) * len(records) // (2 * count)] for place in range(count)]
