"""`seedling seeds check FILE`: show what a seed file covers, which tasks are alike, and what a prompt will show."""

import argparse
import os
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from stages.contract.errors import UserError
from stages.contract.records import SeedTask
from stages.contract.seeds import read_seeds
from stages.contract.stage import stage_config
from stages.draw.seeds import check_seeds, doubt_about
from stages.draw.shown import InContext
from stages.generate import Config, requests
from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import TOKENIZERS

_QUESTION = re.compile(
    r"(?:wh(?:at|ich|om?|ose|en|ere|y)|how|is|are|was|were|am|do|does|did|can|could|should|would|will|may)\b",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"(?:given|below|here|you|my|our|your|i|we|the|this|these|an?|there|if|suppose|imagine|consider|someone|after|in|on"
    r"|for|from|with|using|at)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(r"(?:(?:please|kindly|now|then|first|next|just)\b\W*)+", re.IGNORECASE)
_LABEL = 18
_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["check"], help="show faults, coverage, near-duplicates and the first prompt")
    parser.add_argument(
        "file", nargs="?", type=os.path.abspath, help="a file of seed tasks; by default that of the config"
    )


def main(options: argparse.Namespace) -> int:
    """Print the report on a seed file (by default that of the config) on stdout; return 0.

    Raises:
        UserError: the file cannot be read, a line is not a seed task, or two tasks have the same id.
    """
    config = stage_config("generate", Config)
    path = _from_root(options.file) if options.file else config.seeds.path
    seeds = read_seeds(path)
    print("\n".join(_report(path, seeds, config)))
    return 0


def _from_root(path: str) -> str:
    """Return a path relative to the root if the file is below it, so that reports and errors stay short."""
    root = Path.cwd()
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def form_of(instruction: str) -> str:
    """Return `question`, `given context` or `imperative`, judged by how the instruction begins and ends."""
    opening = _opening(instruction)
    if _QUESTION.match(opening) or instruction.rstrip().endswith("?"):
        return "question"
    return "given context" if _CONTEXT.match(opening) else "imperative"


def near_pairs(seeds: Sequence[SeedTask], config: Config) -> list[tuple[float, str, str]]:
    """Return (ROUGE-L, id, id) of each pair that is too similar by `generate.rouge_threshold`, closest first.

    Each task is compared with those before it, and only the closest of them is named.
    """
    pool = NoveltyPool(config.generate.rouge_threshold, TOKENIZERS[config.generate.tokenizer])
    ids: list[str] = []
    pairs = []
    for seed in seeds:
        [verdict] = pool.compare([seed.instruction])
        if not verdict.accepted:
            pairs.append((verdict.max_rouge_l, ids[verdict.nearest[0][0]], seed.id))
        if not verdict.identical:
            pool.add([seed.instruction])
            ids.append(seed.id)
    return sorted(pairs, reverse=True)


def first_prompt(seeds: Sequence[SeedTask], config: Config) -> str:
    """Return the prompt that request 0 of a run with these seeds sends."""
    _, request = next(requests(InContext(seeds, config.generate, config.seed), config))
    return request.prompt


def _opening(instruction: str) -> str:
    return _POLITE.sub("", instruction.strip(" \"'("), count=1)


def _report(path: str, seeds: Sequence[SeedTask], config: Config) -> Iterator[str]:
    lengths = [len(seed.instruction.split()) for seed in seeds]
    without_input = sum(not any(instance.input for instance in seed.instances) for seed in seeds)
    imperatives = [seed.instruction for seed in seeds if form_of(seed.instruction) == "imperative"]
    verbs = [words[0].strip(",.:").lower() for text in imperatives if (words := _opening(text).split())]
    yield f"{path}: {len(seeds)} task{'s' if len(seeds) > 1 else ''}, every line is well formed"
    yield from _line("domain", _counts(seed.domain or "(none)" for seed in seeds))
    yield from _line("form", _counts(form_of(seed.instruction) for seed in seeds))
    yield from _line("opening verb", f"{len(set(verbs))} different; {_counts(verbs, 8)}" if verbs else "none")
    yield from _line("classification", _share(sum(seed.is_classification for seed in seeds), len(seeds)))
    yield from _line("without input", _share(without_input, len(seeds)))
    yield from _line("words", f"{min(lengths)} to {max(lengths)}, mean {sum(lengths) / len(seeds):.1f}")
    pairs = near_pairs(seeds, config)
    count = f"{len(pairs) or 'no'} pair{'s' if len(pairs) > 1 else ''}"
    yield from _line("alike", f"{count} above ROUGE-L {config.generate.rouge_threshold}")
    for score, one, other in pairs[:10]:
        yield from _line("", f"{score:.2f}  {one}  {other}")
    yield from _advice(path, seeds, config, without_input)
    yield "\nThe first prompt of a run with these seeds:\n"
    yield textwrap.indent(first_prompt(seeds, config), "  | ", lambda _: True)


def _advice(path: str, seeds: Sequence[SeedTask], config: Config, without_input: int) -> Iterator[str]:
    try:
        check_seeds(seeds, path, config.generate)
        doubt = doubt_about(seeds, config.generate)
    except UserError as error:
        doubt = f"generate will refuse these seeds: {error}"
    if doubt:
        yield from _line("note", doubt)
    machine = config.generate.num_machine
    if len(seeds) < config.generate.num_seed + machine:
        places = f"a prompt has {config.generate.num_seed + machine} places; the seeds fill {len(seeds)} of them"
        yield from _line("note", f"{places}, machine-written tasks at most {machine}")
    if not any(seed.is_classification for seed in seeds):
        yield from _line("note", "no classification task: models will propose few, and classification_only cannot run")
    if without_input in (0, len(seeds)) and len(seeds) > 1:
        yield from _line("note", f"{'no' if without_input else 'every'} task has an input: a mixture is better")


def _counts(values: Iterator[str] | Sequence[str], most: int | None = None) -> str:
    return ", ".join(f"{value} {count}" for value, count in Counter(values).most_common(most))


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.0f} %)"


def _line(label: str, text: str) -> Iterator[str]:
    """Yield a text beside its label, wrapped."""
    for number, line in enumerate(textwrap.wrap(text, _WIDTH - _LABEL) or [""]):
        yield f"  {'' if number else label:<{_LABEL}}{line}"
