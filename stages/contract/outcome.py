"""The records that a stage keeps and rejects, and the files it reports them in."""

import math
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from stages.contract.advice import little_kept, nothing_kept
from stages.contract.errors import SeedlingError
from stages.contract.files import write_json
from stages.contract.jsonl import write_records
from stages.contract.records import Answer, Rejected

UNREADABLE = ("answer_without_instruction", "verdict_unclear", "answer_empty", "answer_without_instance", "cut_off")
"""The reasons which say that the words of a model could not be read, or end too early."""


class Outcome:
    """The records a stage has kept and rejected so far, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kept: list[BaseModel] = []
        self.rejected: list[Rejected] = []
        self.judged = 0
        """The records that were judged by a model's words; 0 for a stage that reads none."""
        self.started = time.monotonic()

    def reject(self, reason: str, record: BaseModel, **detail: Any) -> None:  # Any: JSON values
        """Reject a record, with the reason and the details behind it."""
        self.rejected.append(
            Rejected(stage=self.name, reason=reason, detail=detail, record=record.model_dump(mode="json"))
        )

    def write(
        self, path: str, received: int, answers: Sequence[Answer] | None = None, *, min_kept: float, seeds: int = 0
    ) -> None:
        """Write the kept records to `path`, then everything that `close` writes.

        Args:
            path: the file of the kept records.
            received: how many records came in.
            answers: the transcript; None for a stage that asks no model.
            min_kept: the summary line warns when a smaller share of the records is kept.
            seeds: how many of the kept records are seeds. They do not count: seeds alone are not a dataset.

        Raises:
            SeedlingError: nothing is kept. Nothing is written then, so `dvc checkout` can restore the last run.
        """
        machine = len(self.kept) - seeds
        self.refuse_nothing(machine)
        write_records(path, self.kept)
        self.judged = received - seeds
        doubt = little_kept(machine, self.rejected, self.name, min_kept)
        self.close(path, received, len(self.kept), answers, doubt)

    def refuse_nothing(self, passed: int) -> None:
        """Raise a SeedlingError with counts and advice when a stage passes nothing on."""
        if not passed:
            raise SeedlingError(nothing_kept(self.name, self.rejected))

    def close(
        self, path: str, received: int, passed: int, answers: Sequence[Answer] | None = None, doubt: str = ""
    ) -> None:
        """Write the rejected records, the transcript and the metrics, and print a summary line that ends with `doubt`.

        The metrics describe the answers and not this process, so a replay from the store writes the same bytes.
        """
        assert received == passed + len(self.rejected), (received, passed, len(self.rejected))
        write_records(f"data/rejected/{self.name}.jsonl", self.rejected)
        if answers is not None:
            write_records(f"data/answers/{self.name}.jsonl", answers)
        metrics: dict[str, Any] = {  # Any: numbers, and counts by reason
            "in": received,
            "out": passed,
            "rejected": len(self.rejected),
            "requests": len(answers or []),
            "cost_usd": total_cost(answers or []),
        }
        if self.judged:
            counts = Counter(row.reason for row in self.rejected)
            unreadable = sum(counts[reason] for reason in UNREADABLE)
            metrics["readable"] = round(1 - unreadable / self.judged, 6)
            metrics["few_kept"] = int(bool(doubt))
            metrics["reasons"] = dict(sorted(counts.items()))
        write_json(f"reports/metrics/{self.name}.json", metrics)
        print(self._summary(path, received, passed) + doubt, file=sys.stderr)

    def _summary(self, path: str, received: int, passed: int) -> str:
        share = f" ({passed / received:.1%})".replace("%", " %") if received else ""
        reasons = Counter(rejected.reason for rejected in self.rejected)
        why = "".join(f", {count:,} {reason}" for reason, count in reasons.most_common())
        seconds = time.monotonic() - self.started
        return f"{self.name}: {received:,} in, {passed:,} kept{share}{why} -> {path} ({seconds:.1f} s)"


def total_cost(answers: Iterable[Answer]) -> float | None:
    """Return the sum of the answers' costs in USD, rounded once to 6 decimals; None if one is unknown."""
    costs = [answer.cost_usd for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return round(math.fsum(known), 6) if len(known) == len(costs) else None
