"""Tables and prompts that the parts share."""

import random
from collections.abc import Sequence
from pathlib import Path

from stages.contract.seeds import read_seeds
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
