"""Judges candidates by the rules, then by their novelty against every seed and accepted instruction."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from stages.contract.records import Candidate, SeedTask, Similar
from stages.contract.sections.generate import Generate
from stages.novelty.pool import NoveltyPool, Verdict
from stages.novelty.tokens import TOKENIZERS
from stages.rules.candidates import candidate_rules
from stages.rules.table import broken


class Judgement(NamedTuple):
    """Whether a candidate may join the pool."""

    reason: str
    """Why it is rejected; empty if it is accepted."""
    detail: dict[str, Any]  # Any: JSON values
    """Evidence for a rejection: what a rule found, or the nearest pool member; empty if it is accepted."""
    nearest: list[Similar]
    """Up to ten pool members, closest first; empty for a candidate that breaks a rule."""
    mean_rouge_l: float


class Judge:
    """The pool of instructions, and the rules for joining it."""

    def __init__(self, seeds: Sequence[SeedTask], generate: Generate, workers: int) -> None:
        self._rules = candidate_rules(generate)
        self._pool = NoveltyPool(generate.rouge_threshold, TOKENIZERS[generate.tokenizer], workers)
        self._pool.add([seed.instruction for seed in seeds])
        self._ids = [seed.id for seed in seeds]

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[Judgement]:
        """Yield a judgement on each candidate; an accepted one joins the pool before the next is judged.

        Candidates that break no rule are compared in one call, which is several times faster than one by one.
        """
        faults = [next(broken(self._rules, candidate.instruction), None) for candidate in candidates]
        sound = [row.instruction for row, fault in zip(candidates, faults, strict=True) if fault is None]
        verdicts = iter(self._pool.admit(sound))
        for candidate, fault in zip(candidates, faults, strict=True):
            if fault is None:
                yield self._judgement(candidate, next(verdicts))
            else:
                yield Judgement(fault[0], {"found": fault[1]}, [], 0.0)

    def _judgement(self, candidate: Candidate, verdict: Verdict) -> Judgement:
        nearest = [Similar(id=self._ids[index], rouge_l=round(score, 6)) for index, score in verdict.nearest]
        mean = round(verdict.mean_rouge_l, 6)
        if verdict.accepted:
            self._ids.append(candidate.id)
            return Judgement("", {}, nearest, mean)
        reason = "duplicate" if verdict.identical else "too_similar"
        return Judgement(reason, {"nearest": nearest[0].id, "rouge_l": nearest[0].rouge_l}, nearest, mean)
