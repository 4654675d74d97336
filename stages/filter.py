"""Turn the model's words into instances and keep those worth training on (paper, section 2.2, filtering).

data/tasks.jsonl, seeds -> data/instances.jsonl, data/rejected/filter.jsonl

Seeds are instances too: never dropped, and an instance like one of theirs is a duplicate.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from stages.contract.config import Filter
from stages.contract.jsonl import read_records, read_seeds
from stages.contract.records import Instance, SeedTask, Task
from stages.contract.stage import Outcome, stage
from stages.text.novelty import NoveltyPool
from stages.text.parse import parse_instances
from stages.text.tokens import TOKENIZERS

_ABSENT = re.compile(r"\W*(?:no ?input|n/?a|none|not applicable|empty|nothing)\W*", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\W*(?:n/?a|no output|not applicable|to be (?:added|completed|determined))?\W*"
    r"|\W*[\[<{(](?:your|insert|add|put|write|the) [\w ]{1,40}[\]>})]\W*",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:i'?m sorry\b|i am sorry\b|sorry,|i (?:can'?t|cannot|am (?:unable|not able)|'?m (?:unable|not able))\b"
    r"|as an? (?:ai|language model)\b|unfortunately, i (?:can|am))",
    re.IGNORECASE,
)
_URL = re.compile(r"\s*(?:https?://|www\.)\S+\s*", re.IGNORECASE)
_REFERS_TO_INPUT = re.compile(
    r"\b(?:the (?:following|given|provided)|(?:text|list|table|sentence|paragraph|passage) below|below is)\b",
    re.IGNORECASE,
)

RULES: dict[str, Callable[[Instance], bool]] = {
    "output_empty": lambda instance: not instance.output.strip(),
    "output_repeats_input": lambda instance: bool(instance.input) and instance.output.strip() == instance.input.strip(),
    "output_repeats_instruction": lambda instance: instance.output.strip() == instance.instruction.strip(),
    "output_placeholder": lambda instance: is_placeholder(instance.output),
    "output_refusal": lambda instance: bool(_REFUSAL.match(instance.output.replace("’", "'"))),
    "input_placeholder": lambda instance: is_placeholder(instance.input),
    "input_only_url": lambda instance: bool(_URL.fullmatch(instance.input)),
}
"""Reason -> whether an instance is rejected for it; the first that holds names the reason."""

FLAGS: dict[str, Callable[[Instance], bool]] = {
    "input_missing": lambda instance: not instance.input and bool(_REFERS_TO_INPUT.search(instance.instruction)),
    "output_repeats": lambda instance: _repeats(instance.output),
}
"""Doubt -> whether an instance gives rise to it; `filter.drop_flags` turns doubts into reasons."""


def is_placeholder(text: str) -> bool:
    """Whether a text stands for one still to be written, such as `[your answer here]`, `N/A` or `...`.

    A sign alone such as `-` or `!!!` counts as one; a number or a word never does.
    """
    signs_alone = not re.search(r"\w", text)
    return bool(text.strip()) and (signs_alone or (len(text) < 200 and bool(_PLACEHOLDER.fullmatch(text))))


def _repeats(text: str) -> bool:
    """Whether one line stands in the text four times or more, a loop that models fall into."""
    lines = Counter(line.strip() for line in text.splitlines() if line.strip())
    return max(lines.values(), default=0) >= 4


def instances_of(task: Task) -> Iterator[tuple[Instance, bool]]:
    """Yield the instances in a task's raw words, and whether the answer ended in the middle of one."""
    parsed = parse_instances(
        task.raw_instances, output_first=task.is_classification, truncated=task.finish_reason == "length"
    )
    for number, found in enumerate(parsed):
        instance = Instance(
            id=f"{task.id}-{number}",
            instruction_id=task.id,
            instruction=task.instruction,
            input="" if _ABSENT.fullmatch(found.input) else found.input,
            output=found.output,
            is_classification=task.is_classification,
            source="machine",
            model=task.model,
            flags=[],
        )
        yield (
            instance.model_copy(update={"flags": sorted(name for name in FLAGS if FLAGS[name](instance))}),
            found.cut_off,
        )


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
    """Judges instances in order, remembering what was kept."""

    def __init__(self, config: Filter, seeds: Sequence[Instance], outcome: Outcome) -> None:
        self._config = config
        self._outcome = outcome
        self._kept: dict[tuple[str, str, str], str] = {}
        for seed in seeds:
            self._keep(seed)

    def judge_task(self, task: Task) -> int:
        """Judge the instances of a task and return how many there were, one where there is none to parse."""
        instances = list(instances_of(task))
        if not instances:
            self._outcome.reject("answer_without_instance", task)
        conflicting = _conflicting_inputs(task, [instance for instance, _ in instances])
        kept = 0
        for instance, cut_off in instances:
            twin = self._kept.get((instance.instruction, instance.input, instance.output))
            if reason := "cut_off" if cut_off else self._reason(instance, twin, conflicting, kept):
                self._outcome.reject(reason, instance, **({"same_as": twin} if reason == "duplicate" else {}))
            else:
                self._keep(instance)
                kept += 1
        return max(1, len(instances))

    def _reason(self, instance: Instance, twin: str | None, conflicting: set[str], kept: int) -> str:
        broken = [reason for reason, holds in RULES.items() if holds(instance)]
        if broken:
            return broken[0]
        if twin:
            return "duplicate"
        if instance.input in conflicting:
            return "label_conflict"
        unwanted = [flag for flag in instance.flags if flag in self._config.drop_flags]
        if unwanted:
            return unwanted[0]
        most = self._config.max_instances_per_task
        return "beyond_max_instances" if most is not None and kept >= most else ""

    def _keep(self, instance: Instance) -> None:
        self._kept.setdefault((instance.instruction, instance.input, instance.output), instance.id)
        self._outcome.kept.append(instance)


def _conflicting_inputs(task: Task, instances: Sequence[Instance]) -> set[str]:
    """Return the inputs that a classification task gives different labels.

    Differs from the original, which drops all instances of any task in such a case, open ones too.
    """
    labels: dict[str, set[str]] = {}
    for instance in instances if task.is_classification else ():
        labels.setdefault(instance.input, set()).add(instance.output)
    return {text for text, found in labels.items() if len(found) > 1}


def drop_similar(tasks: Sequence[Task], seeds: Sequence[SeedTask], pool: NoveltyPool, outcome: Outcome) -> list[Task]:
    """Return the tasks that an empty pool admits after the seeds; the others are rejected."""
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
    with stage("filter") as config:
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
        outcome.write("data/instances.jsonl", received)


if __name__ == "__main__":
    main()
