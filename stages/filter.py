"""Parse the model's answers into instances and keep those worth training on (paper, section 2.2, filtering).

data/tasks.jsonl, seeds -> data/instances.jsonl, data/rejected/filter.jsonl

The instances of seeds are always kept, and a machine-written instance that equals one of them is a duplicate.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from stages.contract.jsonl import read_records
from stages.contract.outcome import Outcome
from stages.contract.records import Instance, SeedTask, Task
from stages.contract.sections.base import Section
from stages.contract.sections.filter import Filter
from stages.contract.sections.runtime import Runtime
from stages.contract.sections.seeds import Seeds
from stages.contract.sections.tokenizer import Tokenized
from stages.contract.seeds import read_seeds
from stages.contract.stage import stage
from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import TOKENIZERS
from stages.rules.absent import is_absent
from stages.rules.copies import key
from stages.rules.flags import FLAGS
from stages.rules.instances import RULES
from stages.rules.table import broken
from stages.rules.words import folded, visible
from stages.text.instances import parse_instances

_SHOWN = 200  # characters of the offending text that a rejection quotes
_Fault = tuple[str, dict[str, Any]]  # a reason and its detail; an empty reason means no fault; Any: JSON values


class Config(Section):
    """The sections of params.yaml that this stage reads."""

    seeds: Seeds
    generate: Tokenized
    filter: Filter
    runtime: Runtime


def instances_of(task: Task) -> Iterator[tuple[Instance, bool]]:
    """Yield each instance in a task's raw words, with True if the answer was cut off in the middle of it."""
    parsed = parse_instances(
        task.raw_instances, output_first=task.is_classification, truncated=task.finish_reason == "length"
    )
    for number, found in enumerate(parsed):
        instance = Instance(
            id=f"{task.id}-{number}",
            instruction_id=task.id,
            instruction=task.instruction,
            input="" if is_absent(found.input, task.instruction) else found.input,
            output=found.output,
            is_classification=task.is_classification,
            source="machine",
            model=task.model,
            flags=[],
        )
        yield instance.model_copy(update={"flags": sorted(flag for flag, _ in broken(FLAGS, instance))}), found.cut_off


def instances_of_seed(seed: SeedTask) -> Iterator[Instance]:
    """Yield the instances of a seed."""
    for number, instance in enumerate(seed.instances):
        yield Instance(
            id=f"{seed.id}-{number}",
            instruction_id=seed.id,
            instruction=seed.instruction,
            input=instance.input,
            output=instance.output,
            is_classification=seed.is_classification,
            source="seed",
            model="",
            flags=[],
        )


class Sieve:
    """Judges instances in order and remembers which were kept."""

    def __init__(self, config: Filter, seeds: Sequence[Instance], outcome: Outcome) -> None:
        self._config = config
        self._outcome = outcome
        self._kept: dict[tuple[str, str, str], str] = {}
        for seed in seeds:
            self._keep(seed)

    def judge_task(self, task: Task) -> int:
        """Return how many records the task gave: its instances, or 1 for the rejected task if none can be parsed."""
        instances = list(instances_of(task))
        if not instances:
            self._outcome.reject("answer_without_instance", task)
        faults = [_fault(instance, cut_off) for instance, cut_off in instances]
        # an instance that is rejected anyway does not put the labels of the others in doubt
        sound = [row for (row, _), fault in zip(instances, faults, strict=True) if not fault]
        conflicts = _conflicts(sound) if task.is_classification else {}
        kept = 0
        for (instance, _), fault in zip(instances, faults, strict=True):
            reason, detail = fault or self._fault_beside_others(instance, conflicts, kept)
            if reason:
                self._outcome.reject(reason, instance, **detail)
            else:
                self._keep(instance)
                kept += 1
        return max(1, len(instances))

    def _fault_beside_others(self, instance: Instance, conflicts: dict[str, str], kept: int) -> _Fault:
        """Return why an instance is rejected given the others and the config."""
        if twin := self._kept.get(key(instance)):
            return "duplicate", {"same_as": twin}
        if labels := conflicts.get(visible(instance.input)):
            return "label_conflict", {"found": labels[:_SHOWN]}
        found = dict(broken(FLAGS, instance))
        if unwanted := next((flag for flag in instance.flags if flag in self._config.drop_flags), ""):
            return unwanted, {"found": found[unwanted][:_SHOWN]}
        most = self._config.max_instances_per_task
        return ("beyond_max_instances", {}) if most is not None and kept >= most else ("", {})

    def _keep(self, instance: Instance) -> None:
        self._kept.setdefault(key(instance), instance.id)
        self._outcome.kept.append(instance)


def _fault(instance: Instance, cut_off: bool) -> _Fault | None:
    """Return why an instance is rejected by itself, without a look at others; None if it has no fault."""
    if cut_off:
        return "cut_off", {}
    reason, found = next(broken(RULES, instance), ("", ""))
    return (reason, {"found": found[:_SHOWN]}) if reason else None


def _conflicts(instances: Sequence[Instance]) -> dict[str, str]:
    """Return each input that has different labels within a classification task, with these labels.

    Differs from the original, which then drops all instances of the task, does so for open tasks too, and counts
    "Positive" and "positive" as two labels.
    """
    labels: dict[str, list[str]] = {}
    for instance in instances:
        found = labels.setdefault(visible(instance.input), [])
        if folded(instance.output) not in found:
            found.append(folded(instance.output))
    return {text: " | ".join(found) for text, found in labels.items() if len(found) > 1}


def drop_similar(tasks: Sequence[Task], seeds: Sequence[SeedTask], pool: NoveltyPool, outcome: Outcome) -> list[Task]:
    """Return the tasks unlike the seeds and unlike every kept task before them; the others are rejected."""
    pool.add([seed.instruction for seed in seeds])
    ids = [seed.id for seed in seeds]
    novel = []
    for task, verdict in zip(tasks, pool.admit([task.instruction for task in tasks]), strict=True):
        if verdict.accepted:
            ids.append(task.id)
            novel.append(task)
        else:
            index, score = verdict.nearest[0]
            outcome.reject("too_similar", task, nearest=ids[index], rouge_l=round(score, 6))
    return novel


def main() -> None:
    """Judge every instance of every task, seeds first."""
    with stage("filter", Config) as config:
        outcome = Outcome("filter")
        seeds = read_seeds(config.seeds.path)
        tasks = read_records("data/tasks.jsonl", Task)
        seed_instances = [instance for seed in seeds for instance in instances_of_seed(seed)]
        received = len(seed_instances) + len(tasks)
        if config.filter.rouge_threshold is not None:
            tokenizer = TOKENIZERS[config.generate.tokenizer]
            pool = NoveltyPool(config.filter.rouge_threshold, tokenizer, config.runtime.workers)
            tasks = drop_similar(tasks, seeds, pool, outcome)
        sieve = Sieve(config.filter, seed_instances, outcome)
        received += sum(sieve.judge_task(task) - 1 for task in tasks)
        outcome.write("data/instances.jsonl", received, min_kept=config.filter.min_kept, seeds=len(seed_instances))


if __name__ == "__main__":
    main()
