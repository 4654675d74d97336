"""Measure the CPU time to judge whether an instruction is new, against the two published loops.

    python -m benchmarks.novelty [--to 1000000] [--json FILE] [--picture docs/novelty.svg]

The published loop is that of self-instruct's bootstrap_instructions.py: `scorer.score` against all members of the pool.
Alpaca's, in its generate_instruction.py, keeps the tokens of the pool and calls `_score_lcs`. Both are measured without
their process pools. The ways take turns, and the fastest turn of each counts, since other work on the machine only adds
time. No candidate joins the pool it is measured with.
"""

import argparse
import gzip
import itertools
import json
import multiprocessing
import os
import platform
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from math import log10
from pathlib import Path

import numpy as np

from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import rouge_tokens

ALPACA = Path(__file__).parent.parent.parent / "shared" / "data" / "alpaca_52k_instructions.jsonl.gz"
FULL = 52_000
POOLS = [175, 1_000, 5_000, 20_000, FULL]
BATCHES = [1, 8, 40]
CANDIDATES = 40  # judged in a turn; the slow loops judge only one, of about average length
PUBLISHED, ALPACAS = "the published loop", "Alpaca's loop"
COLOURS = ["#c2410c", "#b58900", "#7c6fdc", "#2f7fd6", "#1d9a6c"]  # of the curves, from the top

Judge = Callable[[Sequence[str]], object]
Spent = dict[str, float]
"""Way -> CPU milliseconds per candidate."""


def read_corpus() -> list[str]:
    """Return 52,000 instructions: Alpaca's, or random words of similar lengths if the file is not there."""
    if ALPACA.exists():
        lines = gzip.decompress(ALPACA.read_bytes()).decode().split("\n")
        return [json.loads(line)["instruction"] for line in lines[:FULL]]
    chance = random.Random(1)  # noqa: S311
    words = [f"w{rank}" for rank in range(14_000)]
    weights = list(np.cumsum([1 / (rank + 3) for rank in range(len(words))]))
    lengths = [max(2, round(chance.gauss(10.2, 3.7))) for _ in range(FULL)]
    return [" ".join(chance.choices(words, cum_weights=weights, k=length)) for length in lengths]


def splice(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """Return texts made of the first half of one text and the second half of another."""
    chance = random.Random(seed)  # noqa: S311
    pairs = [[text.split() for text in chance.choices(texts, k=2)] for _ in range(count)]
    return [" ".join(one[: len(one) // 2] + other[len(other) // 2 :]) for one, other in pairs]


def published_loop(pool: Sequence[str]) -> Judge:
    """Return self-instruct's judgement of a text, without its process pool."""
    from rouge_score import rouge_scorer

    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    return lambda texts: _statistics([scorer.score(texts[0], member)["rougeL"].fmeasure for member in pool])


def alpaca_loop(pool: Sequence[str]) -> Judge:
    """Return Alpaca's judgement of a text, without its process pool."""
    from rouge_score import rouge_scorer

    members = [rouge_tokens(member) for member in pool]

    def judge(texts: Sequence[str]) -> object:
        tokens = rouge_tokens(texts[0])
        return _statistics([rouge_scorer._score_lcs(tokens, member).fmeasure for member in members])

    return judge


def _statistics(scores: list[float]) -> tuple[float, float, list[int]]:
    return max(scores), float(np.mean(scores)), np.argsort(scores)[-10:].tolist()


def novelty_pool(pool: Sequence[str]) -> NoveltyPool:
    """Return a pool of these texts that accepts no others: every score is above its threshold of -1."""
    ours = NoveltyPool(-1.0, rouge_tokens)
    ours.add(pool)
    return ours


def milliseconds(judge: Judge, texts: Sequence[str], batch: int) -> float:
    """Return the CPU milliseconds per text when `batch` texts are judged at a time."""
    started = time.process_time()
    for start in range(0, len(texts), batch):
        judge(texts[start : start + batch])
    return (time.process_time() - started) * 1000 / len(texts)


def least(turns: Sequence[Spent]) -> Spent:
    """Return the fastest turn of each way."""
    return {way: min(turn[way] for turn in turns) for way in turns[0]}


def compare(pool: Sequence[str], candidates: Sequence[str]) -> Spent:
    """Return the CPU milliseconds per candidate of each way."""
    ours, loop, alpaca = novelty_pool(pool).admit, published_loop(pool), alpaca_loop(pool)
    lengths = {text: len(rouge_tokens(text)) for text in candidates}
    mean = sum(lengths.values()) / len(lengths)
    usual = min(candidates, key=lambda text: abs(lengths[text] - mean))
    turns = []
    for _ in range(max(5, min(20, 100_000 // len(pool)))):
        loops = {PUBLISHED: milliseconds(loop, [usual], 1), ALPACAS: milliseconds(alpaca, [usual], 1)}
        turns.append(loops | {f"batch {batch}": milliseconds(ours, candidates, batch) for batch in BATCHES})
    return least(turns)


def grow(texts: Sequence[str], candidates: Sequence[str], largest: int) -> dict[int, Spent]:
    """Return the CPU milliseconds per candidate in pools of five sizes, each twice the one before."""
    pools = {size: novelty_pool(texts[:size]) for size in (largest >> halved for halved in range(4, -1, -1))}
    turns: dict[int, list[Spent]] = {size: [] for size in pools}
    for _ in range(5):
        for size, pool in pools.items():
            turns[size].append({f"batch {batch}": milliseconds(pool.admit, candidates, batch) for batch in BATCHES})
    return {size: least(turns[size]) for size in pools}


def build(batch: int) -> tuple[float, float]:
    """Build a pool of 52,000 texts; return the CPU seconds, and the peak memory of this process in MB."""
    texts = read_corpus()
    spent = milliseconds(NoveltyPool(0.7, rouge_tokens).admit, texts, batch)
    unit = 1 if sys.platform == "darwin" else 1024
    return spent * len(texts) / 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def build_apart(batch: int) -> tuple[float, float]:
    """Return what `build` measures in a new process. Its peak starts with that of this process, so call it early."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        return executor.submit(build, batch).result()


def figure(value: float) -> str:
    """Return a number with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def print_table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a markdown table under a line of text."""
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n|{'---:|' * len(heads)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def print_comparison(compared: dict[int, Spent]) -> None:
    """Print how many times faster the batches are, then the milliseconds and nanoseconds."""
    ways = list(compared[FULL])
    for loop in (PUBLISHED, ALPACAS):
        ratios = {size: [f"{spent[loop] / spent[way]:,.0f}x" for way in ways[2:]] for size, spent in compared.items()}
        lines = [[f"{size:,}", *ratios[size]] for size in compared]
        print_table(f"Times faster than {loop}:", ["pool", *ways[2:]], lines)
    lines = [[f"{size:,}", *map(figure, spent.values())] for size, spent in compared.items()]
    print_table("CPU milliseconds per candidate:", ["pool", *ways], lines)
    pairs = {size: [f"{each * 1e6 / size:,.0f}" for each in spent.values()] for size, spent in compared.items()}
    lines = [[f"{size:,}", *pairs[size]] for size in compared]
    print_table("CPU nanoseconds per candidate and member of the pool:", ["pool", *ways], lines)


def print_builds(built: dict[str, tuple[float, float]], last: Spent) -> None:
    """Print the cost of a whole pool of 52,000; of a way that did not build it, half the last candidate's cost each."""
    seconds = {way: built[way][0] if way in built else spent * FULL / 2000 for way, spent in last.items()}
    lines = [
        [
            way,
            f"{seconds[PUBLISHED] / seconds[way]:,.0f}x",
            f"{seconds[way]:,.0f} s",
            f"{built[way][1]:,.0f} MB" if way in built else "not built",
        ]
        for way in last
    ]
    print_table("A pool of 52,000, judged one after another:", ["way", "times faster", "CPU", "peak memory"], lines)


def print_growth(grown: dict[int, Spent]) -> None:
    """Print how much more time a candidate takes when the pool is twice as large."""
    ways = list(next(iter(grown.values())))
    lines = []
    for half, size in itertools.pairwise(grown):
        ratios = [f"{grown[size][way] / grown[half][way]:.2f}x" for way in ways]
        lines.append([f"{half:,} to {size:,}", *ratios, *map(figure, grown[size].values())])
    heads = ["pool", *ways, *(f"{way}, ms" for way in ways)]
    print_table("What twice the pool does to a candidate, and the CPU milliseconds it then takes:", heads, lines)


def draw(curves: dict[str, dict[int, float]]) -> str:
    """Return an SVG of milliseconds over sizes of the pool, both logarithmic, for light and dark pages."""
    largest = log10(max(size for curve in curves.values() for size in curve))

    def x(size: float) -> float:
        return round(70 + 480 * (log10(size) - 2) / (largest - 2), 1)

    def y(spent: float) -> float:
        return round(220 - 50 * log10(spent), 1)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 370" font-family="sans-serif" font-size="12">',
        "<title>CPU milliseconds per candidate over instructions in the pool</title>",
        "<style>text{fill:#57606a}line{stroke:#8b949e;stroke-opacity:.3}polyline{fill:none;stroke-width:2}"
        "@media(prefers-color-scheme:dark){text{fill:#a5adb8}}</style>",
        '<text x="70" y="12">CPU time to judge one candidate</text>',
        '<text x="310" y="362" text-anchor="middle">instructions in the pool</text>',
    ]
    for power in range(-2, 5):
        height, name = y(10**power), f"{10**power:,.{max(0, -power)}f} ms"
        parts.append(f'<line x1="70" x2="550" y1="{height}" y2="{height}"/>')
        parts.append(f'<text x="62" y="{height + 4}" text-anchor="end">{name}</text>')
    powers = range(2, int(largest) + 1)
    parts += [f'<text x="{x(10**power)}" y="340" text-anchor="middle">{10**power:,}</text>' for power in powers]
    label = 0.0
    for (way, curve), colour in zip(curves.items(), COLOURS, strict=True):
        points = " ".join(f"{x(size)},{y(curve[size])}" for size in sorted(curve))
        label = max(label + 14, y(curve[max(curve)]) + 4)  # curves are sorted from the top: no name covers another
        parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
        parts.append(f'<text x="{x(max(curve)) + 8}" y="{label}" style="fill:{colour}">{way}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Print the tables, and write the figures and the picture that were asked for."""
    parser = argparse.ArgumentParser(description="Measure how long it takes to judge whether an instruction is new.")
    parser.add_argument("--to", type=int, default=200_000, metavar="SIZE", help="the largest pool of the last table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw them as SVG in this file")
    chosen = parser.parse_args()
    built = {f"batch {batch}": build_apart(batch) for batch in BATCHES[1:]}  # while this process is small
    corpus = read_corpus()
    candidates = splice(corpus, CANDIDATES, seed=2)
    origin = "Alpaca's instructions" if ALPACA.exists() else "synthetic texts, since Alpaca's instructions are not here"
    print(f"Pools up to 52,000: {origin}. Candidates and larger pools: halves of two of them, joined.")
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "rapidfuzz", "rouge-score"))
    print(f"Python {platform.python_version()} on {os.cpu_count()} cores, {versions}.")
    compared = {size: compare(corpus[:size], candidates) for size in POOLS}
    print_comparison(compared)
    print_builds(built, compared[FULL])
    larger = [*corpus, *splice(corpus, max(0, chosen.to - FULL), seed=3)]
    grown = grow(larger, candidates, chosen.to)
    print_growth(grown)
    if chosen.json:
        figures = {"origin": origin, "compared": compared, "built": built, "grown": grown}
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if chosen.picture:
        every = compared | {size: spent for size, spent in grown.items() if size > FULL}
        curves = {way: {size: spent[way] for size, spent in every.items() if way in spent} for way in compared[FULL]}
        chosen.picture.write_text(draw(curves), "utf-8")


if __name__ == "__main__":
    main()
