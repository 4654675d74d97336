"""What the parts share: tables, prompts, and a clock on which waiting takes no time."""

import asyncio
import random
import selectors
from collections.abc import Sequence
from pathlib import Path

from stages.contract.jsonl import read_seeds
from stages.text.prompts import load_prompt

ROOT = Path(__file__).parents[2]


def print_table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a markdown table under a line of text."""
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n|{'---:|' * len(heads)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def write_prompts(count: int) -> list[str]:
    """Return prompts of `generate` that show eight seeds each."""
    chance = random.Random(1)  # noqa: S311
    seeds = [seed.instruction for seed in read_seeds(str(ROOT / "seeds/seed_tasks.jsonl"))]
    render = load_prompt(str(ROOT / "prompts/chat/generate.j2"), {"instructions", "count", "focus"})
    return [render(instructions=chance.sample(seeds, 8), count=10, focus="") for _ in range(count)]


class Skip(selectors.DefaultSelector):
    """Takes no time to wait, and counts the seconds instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready after `timeout` seconds that nobody waits."""
        self.now += timeout or 0.0
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop in which a sleep takes no time, and whose clock says it did."""

    def __init__(self) -> None:
        self._skip = Skip()
        super().__init__(self._skip)

    def time(self) -> float:
        """Return the seconds slept."""
        return self._skip.now
