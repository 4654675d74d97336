"""How many candidates the answers bring: what to expect of the next ones, and when to stop asking."""

import math
from collections.abc import Sequence
from itertools import accumulate

from stages.contract.outcome import total_cost
from stages.contract.records import Answer
from stages.contract.sections.generate import Generate

_EXPECTED_FROM = 20  # last requests whose mean acceptance is expected of the next ones


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
        """Return about how many answers it takes to accept so many more instructions."""
        return math.ceil(instructions / max(self.expected, 0.1))

    @property
    def saturated(self) -> bool:
        """Whether the share accepted over the last `acceptance_requests` requests is below `min_acceptance`."""
        requests = self._generate.acceptance_requests
        accepted, candidates = sum(self._accepted[-requests:]), sum(self._candidates[-requests:])
        return len(self._accepted) >= requests and accepted < self._generate.min_acceptance * candidates

    def curve(self, answers: Sequence[Answer]) -> list[dict[str, int | float | None]]:
        """Return a row for the start and for each answer: accepted instructions so far, and their marginal cost.

        The marginal cost is what the last `acceptance_requests` requests cost per instruction they brought, in USD;
        null where they brought none or a price is not known.
        """
        rows: list[dict[str, int | float | None]] = []
        for index, accepted in enumerate(accumulate(self._accepted, initial=0)):
            recent = slice(max(0, index - self._generate.acceptance_requests), index)
            gained, cost = sum(self._accepted[recent]), total_cost(answers[recent])
            marginal = round(cost / gained, 6) if gained and cost is not None else None
            rows.append({"request": index, "accepted": accepted, "marginal_cost_usd": marginal})
        return rows
