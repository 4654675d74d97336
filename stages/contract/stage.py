"""The frame every stage runs in: its own slice of the config, its inputs guarded, its outcome counted."""

import json
import math
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stages.contract.config import Config, masked
from stages.contract.errors import SeedlingError, StoppedError, UserError
from stages.contract.jsonl import write_json, write_records
from stages.contract.records import Answer, Rejected
from stages.contract.state import declared, load_params, state_of
from stages.contract.validation import validate

RUNTIME_VARIABLE = "SEEDLING_RUNTIME"
"""JSON laid over params.yaml's `runtime` for one command."""
STATUS_VARIABLE = "SEEDLING_STATUS"
"""A file that receives a failing stage's exit code, which DVC does not pass on."""


@contextmanager
def stage(name: str) -> Iterator[Config]:
    """Run the body of a stage with the config sections dvc.yaml declares for it, plus `runtime`.

    DVC hashes parameters and dependencies after the command and would record values the stage never saw;
    so they are compared here with what they were at the start, and the stage fails if they changed.
    A SeedlingError ends the process with its message on one line and its exit code.
    """
    try:
        before = state_of(name)
        yield masked(current_config(), [*declared(name).get("params", []), "runtime"])
        after = state_of(name)
        if changed := [key for key in before if before[key] != after.get(key)]:
            raise SeedlingError(
                f"{', '.join(changed)} changed while the stage ran, nothing was recorded; run it again "
                "(every answer is stored)"
            )
    except SeedlingError as error:
        leave(name, error)
    except KeyboardInterrupt:
        leave(name, StoppedError(signal.SIGINT))


def leave(name: str, error: SeedlingError) -> None:
    """End the process with the error's message, each line under the stage's name, and its exit code."""
    for line in str(error).splitlines():
        print(f"{name}: {line}", file=sys.stderr)
    if status := os.environ.get(STATUS_VARIABLE):
        with suppress(OSError):  # whoever asked for it may be gone
            Path(status).write_text(str(error.exit_code), "utf-8")
    sys.exit(error.exit_code)


def runtime_overlay() -> dict[str, Any]:  # Any: what JSON holds
    """Return what the environment lays over `runtime`.

    Raises:
        UserError: the variable holds no JSON object.
    """
    try:
        overlay = json.loads(os.environ.get(RUNTIME_VARIABLE) or "{}")
    except json.JSONDecodeError as error:
        raise UserError(f"{RUNTIME_VARIABLE}: is not JSON ({error}); unset it or correct it") from None
    if not isinstance(overlay, dict):
        raise UserError(f"{RUNTIME_VARIABLE}: holds {overlay!r}, not a JSON object; unset it or correct it")
    return overlay


def current_config() -> Config:
    """Return params.yaml as it stands, with what the environment lays over `runtime`."""
    params = load_params()
    return validate({**params, "runtime": {**(params.get("runtime") or {}), **runtime_overlay()}})


class Outcome:
    """What a stage has decided so far: kept and rejected records, and the answers behind them, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kept: list[BaseModel] = []
        self.rejected: list[Rejected] = []
        self.started = time.monotonic()

    def reject(self, reason: str, record: BaseModel, **detail: Any) -> None:  # Any: JSON values
        """Record that `record` is not passed on, why, and what the decision rests on."""
        self.rejected.append(
            Rejected(stage=self.name, reason=reason, detail=detail, record=record.model_dump(mode="json"))
        )

    def write(self, path: str, received: int, answers: Sequence[Answer] | None = None) -> None:
        """Write the kept records to `path` with rejected records, transcript, metrics and a summary line."""
        write_records(path, self.kept)
        self.close(path, received, len(self.kept), answers)

    def close(self, path: str, received: int, passed: int, answers: Sequence[Answer] | None = None) -> None:
        """Write rejected records, transcript and metrics of a stage whose output is written, and sum up.

        The metrics are of the answer set, not of this process: a replay from the store writes the same.
        """
        assert received == passed + len(self.rejected), (received, passed, len(self.rejected))
        write_records(f"data/rejected/{self.name}.jsonl", self.rejected)
        if answers is not None:
            write_records(f"data/answers/{self.name}.jsonl", answers)
        metrics = {
            "in": received,
            "out": passed,
            "rejected": len(self.rejected),
            "requests": len(answers or []),
            "cost_usd": total_cost(answers or []),
        }
        write_json(f"reports/metrics/{self.name}.json", metrics)
        print(self._summary(path, received, passed), file=sys.stderr)

    def _summary(self, path: str, received: int, passed: int) -> str:
        share = f" ({passed / received:.1%})".replace("%", " %") if received else ""
        reasons = Counter(rejected.reason for rejected in self.rejected)
        why = "".join(f", {count:,} {reason}" for reason, count in reasons.most_common())
        seconds = time.monotonic() - self.started
        return f"{self.name}: {received:,} in, {passed:,} kept{share}{why} -> {path} ({seconds:.1f} s)"


def total_cost(answers: Iterable[Answer]) -> float | None:
    """Return the exact sum of the answers' costs in USD, rounded once to 6 decimals; None if one is unknown."""
    costs = [answer.cost_usd for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return round(math.fsum(known), 6) if len(known) == len(costs) else None
