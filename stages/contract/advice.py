"""Messages about a stage that keeps nothing or little: the counts, an example, and advice."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stages.contract.files import load_yaml
from stages.contract.pipeline import declared
from stages.contract.records import Rejected

_JUDGED_FROM = 20  # records; the share of fewer is mostly chance
_LIMITS = ("target_reached", "beyond_max_instances")
"""Reasons that come from a limit in the config and say nothing about the record."""
_EXAMPLE_LENGTH = 100

ADVICE = {
    "verdict_unclear": "the model says neither yes nor no; choose another model (llm@classify.llm=…) or another prompt "
    "(prompts.classify=…), or raise classify.max_tokens if its answers break off",
    "answer_without_instruction": "the answers hold no list of tasks; choose another model (llm@generate.llm=…) or "
    "another prompt (prompts.generate=…)",
    "answer_without_instance": "the answers do not have the form that the prompt asks for; choose another model "
    "(llm@instantiate.llm=…) or another prompt (prompts.input_first=…, prompts.output_first=…)",
    "answer_empty": "the answers hold no text, as when a model spends all its tokens on reasoning; raise "
    "llm.reasoning_tokens or instantiate.max_tokens_per_instance",
    "answer_filtered": "the provider withholds the answers; choose another model or other seeds",
    "prompt_too_long": "the prompts are too long for the model; choose another one",
    "cut_off": "the answers reach their token limit; raise generate.max_tokens, or instantiate.max_tokens_per_instance "
    "if filter rejects them",
    "output_refusal": "the model refuses the tasks; choose another model (llm@instantiate.llm=…) or other seeds",
    "without_words": "generate.tokenizer=rouge reads only a-z and 0-9; choose generate.tokenizer=unicode",
    "too_similar": "the model repeats itself or the seeds; write seeds that differ more, or raise the rouge_threshold",
    "duplicate": "the model repeats itself or the seeds; write seeds that differ more, or choose another model",
}
"""Reason -> what it means when most records are rejected for it, and what may help."""
_OTHER_ADVICE = "choose another model or another prompt, or change the rule"


def nothing_kept(stage: str, rejected: Sequence[Rejected]) -> str:
    """Return the message of a stage that keeps nothing: counts, advice, and how to restore the last run's files."""
    if not rejected:
        return "kept nothing, since nothing came in; run the stages before this one"
    counts = Counter(row.reason for row in rejected)
    [(most, _)] = counts.most_common(1)
    told = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    example = next(text for row in rejected if row.reason == most for text in [_example(row)])
    return (
        f"kept nothing: {told}\n"
        f"{most}{f', such as {example!r}' if example else ''}: {ADVICE.get(most, _OTHER_ADVICE)}"
        f"{_way_back(stage)}"
    )


def _way_back(stage: str) -> str:
    """Return the line that says how to restore the files of a stage's last run; empty if there was no such run.

    DVC removes the files before it runs the stage. dvc.lock and the cache still hold them if the stage writes nothing.
    """
    if not Path("dvc.lock").exists() or stage not in load_yaml("dvc.lock").get("stages", {}):
        return ""
    kept_in_git = [entry for kind in ("metrics", "plots") for entry in declared(stage).get(kind, [])]
    paths = " ".join(path for entry in kept_in_git for path in entry)
    return f"\nnothing was written; `dvc checkout; git restore {paths}` brings back the files of the last run"


def little_kept(kept: int, rejected: Sequence[Rejected], stage: str, min_kept: float) -> str:
    """Return a warning if a stage keeps less than the share `min_kept` of at least 20 records; empty otherwise.

    Records rejected by a limit, such as the number of instructions wanted, do not count.
    """
    counts = Counter(row.reason for row in rejected if row.reason not in _LIMITS)
    judged = kept + counts.total()
    if judged < _JUDGED_FROM or kept >= min_kept * judged:
        return ""
    [(most, _)] = counts.most_common(1)
    return f"; kept less than {stage}.min_kept={min_kept}, most rejected as {most}: {ADVICE.get(most, _OTHER_ADVICE)}"


def _example(row: Rejected) -> str:
    """Return the start of the text that caused the rejection, else of the record's own text; empty if there is none."""
    texts = [row.detail.get("text"), row.detail.get("found")]
    texts += [row.record.get(field) for field in ("output", "raw_instances", "instruction")]
    return next((text[:_EXAMPLE_LENGTH] for text in texts if isinstance(text, str) and text), "")
