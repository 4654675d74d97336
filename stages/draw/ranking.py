"""Draws that depend on the seed, the request and each task's own id.

Nothing is drawn from a generator that requests share, so no draw depends on another or on the order of work.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.contract.sections.focus import Focus


def mix(seed: int, index: int) -> int:
    """Return 64 bits that depend on the seed and the index alone."""
    return int(_scramble(_scramble(np.array([seed], np.uint64)) ^ np.uint64(index))[0])


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each value after one step of splitmix64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def id_bits(task_id: str) -> int:
    """Return the first 64 bits of the id's sha256."""
    return int.from_bytes(hashlib.sha256(task_id.encode()).digest()[:8])


def ranked(ids: Sequence[str], bits: NDArray[np.uint64], draw: int, count: int) -> list[tuple[int, int]]:
    """Return (rank, position) of the first `count` ids in the ranking of a draw, lowest rank first.

    A task's rank depends on the draw and its own id, so a new task changes only the prompts that show it.
    """
    ranks = _scramble(bits ^ np.uint64(draw))
    positions = np.arange(len(ranks))
    if 0 < count < len(ranks):  # sorting the whole of a large pool for every prompt would be slow
        positions = np.flatnonzero(ranks <= np.partition(ranks, count - 1)[count - 1])
    found = sorted((int(ranks[position]), ids[int(position)], int(position)) for position in positions)
    return [(rank, position) for rank, _, position in found[:count]]


def draw_focus(focus: Sequence[Focus], draw: int) -> str:
    """Return the text of the focus that a draw selects, in proportion to the weights; empty if there is none."""
    point = draw / 2**64 * sum(entry.weight for entry in focus)
    for entry in focus:
        point -= entry.weight
        if point < 0:
            return entry.text
    return focus[-1].text if focus else ""  # rounding may leave `point` at 0


class Shelf:
    """Tasks that prompts can show, with the bits that rank them."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.instructions: list[str] = []
        self._bits: NDArray[np.uint64] = np.zeros(1024, np.uint64)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, task_id: str, instruction: str) -> None:
        """Put one more task on the shelf."""
        if len(self) == len(self._bits):
            self._bits = np.concatenate([self._bits, np.zeros_like(self._bits)])
        self._bits[len(self)] = id_bits(task_id)
        self.ids.append(task_id)
        self.instructions.append(instruction)

    def draw(self, draw: int, count: int, size: int) -> list[tuple[int, str, str]]:
        """Return (rank, id, instruction) of the first `count` tasks in the ranking of the oldest `size` tasks."""
        found = ranked(self.ids[:size], self._bits[:size], draw, count)
        return [(rank, self.ids[position], self.instructions[position]) for rank, position in found]
