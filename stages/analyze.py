"""Measure the dataset and show it: the paper's Table 1, lengths, novelty, the funnel.

data/instances.jsonl, data/instructions.jsonl, seeds, data/rejected/, reports/metrics/
-> data/analysis.json, data/report.html, reports/plots/
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from stages.contract.files import load_yaml, write_json, write_text
from stages.contract.jsonl import read_records
from stages.contract.notice import demonstration_notice
from stages.contract.outcome import Outcome
from stages.contract.records import Instance, Instruction, Rejected, SeedTask
from stages.contract.sections.analyze import Analyze
from stages.contract.sections.base import Section
from stages.contract.sections.runtime import Runtime
from stages.contract.sections.seeds import Seeds
from stages.contract.sections.tokenizer import Tokenized
from stages.contract.seeds import read_seeds
from stages.contract.stage import stage
from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import TOKENIZERS
from stages.page.spread import spread

BEFORE_REPORT = ("generate", "classify", "instantiate", "filter")
_BINS = 20


class Config(Section):
    """The sections of params.yaml that this stage reads."""

    seeds: Seeds
    generate: Tokenized
    analyze: Analyze
    runtime: Runtime


def table_1(instances: Sequence[Instance]) -> dict[str, int | float | None]:
    """Return the statistics of the paper's Table 1; lengths are mean word counts, null where there is no text.

    An instruction counts once, however many instances it has.
    """
    instructions = {instance.instruction_id: instance for instance in instances}.values()
    classification = sum(instance.is_classification for instance in instructions)
    inputs = [instance.input for instance in instances if instance.input]
    return {
        "instructions": len(instructions),
        "classification_instructions": classification,
        "other_instructions": len(instructions) - classification,
        "instances": len(instances),
        "instances_with_empty_input": len(instances) - len(inputs),
        "instruction_words": mean_words([instance.instruction for instance in instructions]),
        "input_words": mean_words(inputs),
        "output_words": mean_words([instance.output for instance in instances]),
    }


def mean_words(texts: Sequence[str]) -> float | None:
    """Return the mean number of words (split at white space), rounded to 2 decimals; None for no text."""
    return round(math.fsum(len(text.split()) for text in texts) / len(texts), 2) if texts else None


def histogram(values: Iterable[float]) -> list[dict[str, float | int]]:
    """Return how many scores (0 to 1) fall in each of 20 bins, with its lower bound; 1 falls in the last bin."""
    counts = Counter(min(int(value * _BINS), _BINS - 1) for value in values)
    return [{"from": round(place / _BINS, 2), "instructions": counts[place]} for place in range(_BINS)]


def closest_seeds(
    instructions: Sequence[Instruction],
    seeds: Sequence[SeedTask],
    tokenizer: Callable[[str], list[str]],
    workers: int,
) -> list[float]:
    """Return the ROUGE-L of each machine-written instruction with its closest seed (paper, Figure 4)."""
    pool = NoveltyPool(1.0, tokenizer, workers)  # any threshold will do: only the scores are used
    pool.add([seed.instruction for seed in seeds])
    return [round(verdict.max_rouge_l, 6) for verdict in pool.compare([row.instruction for row in instructions])]


def lengths(instances: Sequence[Instance]) -> list[dict[str, str | int]]:
    """Return how many instructions, inputs and outputs have each length, in steps of five words (paper, Figure 5).

    Texts of 200 words or more are counted together.
    """
    instructions = {instance.instruction_id: instance.instruction for instance in instances}.values()
    texts = {
        "instruction": list(instructions),
        "input": [instance.input for instance in instances if instance.input],
        "output": [instance.output for instance in instances],
    }
    return [
        {"part": part, "words_from": start * 5, "texts": count}
        for part, found in texts.items()
        for start, count in sorted(Counter(min(len(text.split()), 200) // 5 for text in found).items())
    ]


def reasons(rejected: Sequence[Rejected], received: Mapping[str, int]) -> list[dict[str, str | int | float]]:
    """Return how many records each stage rejected for each reason, by stage, the most frequent reason first.

    `share` is relative to the records that the stage judged, 0 to 1. Answers that cannot be parsed have reasons of
    their own, such as `verdict_unclear`, so 1 minus their shares is the parse rate.
    """
    counts = Counter((row.stage, row.reason) for row in rejected)
    ranked = sorted(counts.items(), key=lambda entry: (BEFORE_REPORT.index(entry[0][0]), -entry[1], entry[0][1]))
    return [
        {"stage": name, "reason": reason, "count": count, "share": round(count / received[name], 6)}
        for (name, reason), count in ranked
    ]


def write_report(
    analysis: dict[str, Any], instances: Sequence[Instance], rejected: Sequence[Rejected], shown: Analyze
) -> None:
    """Write data/report.html: one file that loads nothing from the network, with all model text escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(Path("stages/page/report.html.j2").read_text("utf-8"))
    page = template.render(
        **analysis,
        instances=spread([row for row in instances if row.source == "machine"], shown.shown_instances),
        rejected=spread(rejected, shown.shown_rejected),
    )
    write_text("data/report.html", page + "\n")


def main() -> None:
    """Measure the dataset; write the analysis, the data of the plots and the report."""
    with stage("analyze", Config) as config:
        outcome = Outcome("analyze")
        instances = read_records("data/instances.jsonl", Instance)
        instructions = read_records("data/instructions.jsonl", Instruction)
        seeds = read_seeds(config.seeds.path)
        machine = [instance for instance in instances if instance.source == "machine"]
        models = sorted({instance.model for instance in machine})
        rejected = [row for name in BEFORE_REPORT for row in read_records(f"data/rejected/{name}.jsonl", Rejected)]
        tokenizer = TOKENIZERS[config.generate.tokenizer]
        novelty = histogram(closest_seeds(instructions, seeds, tokenizer, config.runtime.workers))
        funnel = [{"stage": name, **load_yaml(f"reports/metrics/{name}.json")} for name in BEFORE_REPORT]
        received = {row["stage"]: row["in"] for row in funnel}
        received["filter"] -= len(instances) - len(machine)  # seeds pass without being judged
        analysis = {
            "models": models,
            "notice": demonstration_notice(models),
            "table_1": table_1(machine),
            "with_seeds": table_1(instances),
            "funnel": funnel,
            "reasons": reasons(rejected, received),
            "novelty": novelty,
        }
        write_json("data/analysis.json", analysis)
        write_json("reports/plots/closest_seed.json", novelty)
        write_json("reports/plots/lengths.json", lengths(machine))
        write_report(analysis, instances, rejected, config.analyze)
        outcome.close("data/report.html", len(instances), len(instances))


if __name__ == "__main__":
    main()
