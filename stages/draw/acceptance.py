"""The acceptance of candidates: how many to expect from the next answers, and when to stop asking."""

import math
from collections.abc import Sequence
from itertools import accumulate

from stages.contract.outcome import total_cost
from stages.contract.records import Answer
from stages.contract.sections.generate import Generate

_EXPECTED_FROM = 20  # recent requests whose mean acceptance predicts that of the next ones


class Acceptance:
    """The accepted candidates and all candidates of each answer, in the order of requests."""

    def __init__(self, generate: Generate) -> None:
        self._generate = generate
        self._accepted: list[int] = []
        self._candidates: list[int] = []

    def add(self, accepted: int, candidates: int) -> None:
        """Count the next answer."""
        self._accepted.append(accepted)
        self._candidates.append(candidates)

    @property
    def expected(self) -> float:
        """Expected number of accepted candidates per answer: the recent mean, `per_request` before the first answer."""
        recent = self._accepted[-_EXPECTED_FROM:]
        return sum(recent) / len(recent) if recent else self._generate.per_request

    def requests_for(self, instructions: int) -> int:
        """Return an estimate of the answers needed to accept this many more instructions."""
        # the bound keeps the estimate finite while nothing is accepted
        return math.ceil(instructions / max(self.expected, 0.1))

    @property
    def saturated(self) -> bool:
        """True if the share accepted over the last `acceptance_requests` requests is below `min_acceptance`."""
        requests = self._generate.acceptance_requests
        accepted, candidates = sum(self._accepted[-requests:]), sum(self._candidates[-requests:])
        return len(self._accepted) >= requests and accepted < self._generate.min_acceptance * candidates

    def curve(self, answers: Sequence[Answer]) -> list[dict[str, int | float | None]]:
        """Return one row for the start and one for each answer: instructions accepted so far, and the marginal cost.

        The marginal cost is the cost in USD of the last `acceptance_requests` requests, per instruction that they
        added; null if they added none or a price is not known.
        """
        rows: list[dict[str, int | float | None]] = []
        for index, accepted in enumerate(accumulate(self._accepted, initial=0)):
            recent = slice(max(0, index - self._generate.acceptance_requests), index)
            gained, cost = sum(self._accepted[recent]), total_cost(answers[recent])
            marginal = round(cost / gained, 6) if gained and cost is not None else None
            rows.append({"request": index, "accepted": accepted, "marginal_cost_usd": marginal})
        return rows
