"""`seedling seeds check FILE`: what a seed file covers, which tasks are alike, and what a prompt will show."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from stages.contract.config import Config
from stages.contract.jsonl import read_seeds
from stages.contract.records import SeedTask
from stages.contract.state import load_params
from stages.contract.validation import validate
from stages.pool.draw import Shelf, draw_focus, mix
from stages.pool.shown import is_shown
from stages.text.novelty import NoveltyPool
from stages.text.prompts import load_prompt
from stages.text.tokens import TOKENIZERS

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


def check(path: str | None) -> int:
    """Print the report on a seed file (the one in force where none is named) on stdout; return 0.

    Raises:
        UserError: the file cannot be read, a line is no seed task, or two tasks have one id.
    """
    config = validate(load_params())
    path = path or config.seeds.path
    seeds = read_seeds(path)
    print("\n".join(_report(path, seeds, config)))
    return 0


def form_of(instruction: str) -> str:
    """Return `question`, `given context` or `imperative`, going by how the instruction begins and ends."""
    opening = _opening(instruction)
    if _QUESTION.match(opening) or instruction.rstrip().endswith("?"):
        return "question"
    return "given context" if _CONTEXT.match(opening) else "imperative"


def near_pairs(seeds: Sequence[SeedTask], config: Config) -> list[tuple[float, str, str]]:
    """Return (ROUGE-L, id, id) of the pairs a generated instruction would be rejected for, closest first.

    Each task is compared with those before it, and only its closest is named.
    """
    pool = NoveltyPool(1.0, TOKENIZERS[config.generate.tokenizer])
    ids: list[str] = []
    pairs = []
    for seed in seeds:
        [verdict] = pool.admit([seed.instruction])
        if verdict.identical or verdict.max_rouge_l > config.generate.rouge_threshold:
            pairs.append((verdict.max_rouge_l, ids[verdict.nearest[0][0]], seed.id))
        if verdict.accepted:
            ids.append(seed.id)
    return sorted(pairs, reverse=True)


def first_prompt(seeds: Sequence[SeedTask], config: Config) -> str:
    """Return the prompt that request 0 of a run with these seeds sends."""
    shelf = Shelf()
    for seed in seeds:
        if is_shown(seed, config.generate):
            shelf.add(seed.id, seed.instruction)
    draw = mix(config.seed, 0)
    shown = shelf.draw(draw, config.generate.num_seed + config.generate.num_machine, len(shelf))
    name = "generate_classification" if config.generate.classification_only else "generate"
    render = load_prompt(getattr(config.prompts, name), {"instructions", "count", "focus"})
    instructions = [instruction for _, _, instruction in shown]
    focus = draw_focus(config.generate.focus, mix(draw, 0))
    return render(instructions=instructions, count=config.generate.per_request, focus=focus)


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
    yield from _advice(seeds, config, without_input)
    yield "\nThe first prompt of a run with these seeds:\n"
    yield textwrap.indent(first_prompt(seeds, config), "  | ", lambda _: True)


def _advice(seeds: Sequence[SeedTask], config: Config, without_input: int) -> Iterator[str]:
    machine = config.generate.num_machine
    if len(seeds) < config.generate.num_seed + machine:
        places = f"a prompt has {config.generate.num_seed + machine} places; the seeds fill {len(seeds)} of them"
        yield from _line("note", f"{places}, machine-written tasks at most {machine}")
    if not any(seed.is_classification for seed in seeds):
        yield from _line("note", "no classification task: models will propose few, and classification_only cannot run")
    if without_input in (0, len(seeds)) and len(seeds) > 1:
        yield from _line("note", f"{'no' if not without_input else 'every'} task is without input: a mixture is better")


def _counts(values: Iterator[str] | Sequence[str], most: int | None = None) -> str:
    return ", ".join(f"{value} {count}" for value, count in Counter(values).most_common(most))


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.0f} %)"


def _line(label: str, text: str) -> Iterator[str]:
    """Yield a text beside its label, wrapped."""
    for number, line in enumerate(textwrap.wrap(text, _WIDTH - _LABEL) or [""]):
        yield f"  {'' if number else label:<{_LABEL}}{line}"
