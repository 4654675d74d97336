"""Measure what rate limits and overload cost, for the ways in which providers refuse requests."""

import asyncio
import contextlib
import math
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.llm.common import print_table
from stages.contract.records import Answer
from stages.llm.budget import Budget
from stages.llm.faults import AttemptError
from stages.llm.limits import Limit, Place
from stages.llm.progress import Progress
from stages.llm.response import no_answer
from stages.llm.window import _Each, _Run
from stages.llm.wire import Wire
from stages.store.answers import AnswerStore
from stages.store.request import Request
from tests.clock import SkippingLoop
from tests.llm_server import configure, requests_of

CONCURRENCY, REQUESTS, DRAWS = 64, 2_000, 5
SIGMA = 0.5  # of the lognormal latency, whose median is 1 s
MEAN_SECONDS = math.exp(SIGMA**2 / 2)
REFUSAL_SECONDS = 0.05  # latency of a refusal


class Provider:
    """Refuses nothing."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.in_flight = 0

    def refuses(self, now: float) -> bool:
        """Return True if a request that comes now is refused."""
        return False


class ByRate(Provider):
    """Accepts `rate` requests a second, with bursts of one second's worth at most."""

    rate = 20.0

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._left, self._last = self.rate, 0.0

    def refuses(self, now: float) -> bool:
        """Return True beyond the rate."""
        self._left = min(self.rate, self._left + (now - self._last) * self.rate)
        self._last = now
        if self._left < 1:
            return True
        self._left -= 1
        return False


class ByMinute(Provider):
    """Accepts `limit` requests in each minute of the clock."""

    limit = 1_000

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._minute = self._taken = 0

    def refuses(self, now: float) -> bool:
        """Return True beyond the limit of the minute."""
        self._minute, self._taken = int(now / 60), self._taken if int(now / 60) == self._minute else 0
        self._taken += 1
        return self._taken > self.limit


class ByPlaces(Provider):
    """Accepts `places` requests at once."""

    places = 20

    def refuses(self, now: float) -> bool:
        """Return True while all places are taken."""
        return self.in_flight >= self.places


class Down(Provider):
    """Refuses everything for ten seconds."""

    def refuses(self, now: float) -> bool:
        """Return True during these ten seconds."""
        return 10 <= now < 20


def at_random(share: float) -> Callable[[int], Provider]:
    """Return the constructor of providers that refuse this share of the requests, however many there are."""

    class AtRandom(Provider):
        def refuses(self, now: float) -> bool:
            return self.chance.random() < share

    return AtRandom


@dataclass(frozen=True)
class Case:
    """A provider, the wait that its refusals ask for (0: none), and the time of a run that never meets a refusal.

    `ideal_seconds` takes the time of a run with a provider that refuses nothing.
    """

    name: str
    new: Callable[[int], Provider]
    after_seconds: float
    ideal_seconds: Callable[[float], float]


CASES = [
    *(
        Case(f"20 requests a second, {says}", ByRate, after_seconds, lambda _: REQUESTS / ByRate.rate - 1)
        for says, after_seconds in (("no time named", 0.0), ('"in a second"', 1.0))
    ),
    Case("1,000 requests a minute", ByMinute, 0.0, lambda free: 60 + free / 2),
    Case("20 requests at once", ByPlaces, 0.0, lambda _: REQUESTS * MEAN_SECONDS / ByPlaces.places),
    Case("everything for 10 s", Down, 0.0, lambda free: free + 10),
    *(
        Case(f"{share:.0%} at random, {says}", at_random(share), after_seconds, lambda free: free)
        for share, says, after_seconds in (
            (0.01, "no time named", 0.0),
            (0.01, '"in 20 seconds"', 20.0),
            (0.05, "no time named", 0.0),
            (0.1, "no time named", 0.0),
        )
    ),
]


class Detour(Wire):
    """A wire to a simulated provider, which answers after a random latency or refuses."""

    price = None

    def __init__(self, provider: Provider, after_seconds: float) -> None:
        self._provider = provider
        self._after_seconds = after_seconds
        self.sent = 0

    async def ask(self, request: Request) -> Answer:
        """Return an empty answer, or raise an overload."""
        self.sent += 1
        if self._provider.refuses(asyncio.get_running_loop().time()):
            await asyncio.sleep(REFUSAL_SECONDS)
            raise AttemptError("overload", "429", self._after_seconds, billed=False)
        self._provider.in_flight += 1
        await asyncio.sleep(self._provider.chance.lognormvariate(0, SIGMA))
        self._provider.in_flight -= 1
        return no_answer(request, "stop", [])

    async def close(self) -> None:
        """Close nothing."""


class Unlearning(Limit):
    """Learns nothing from a refusal: only the refused request waits before its next attempt."""

    @property
    def places(self) -> int:
        """The full concurrency, always."""
        return CONCURRENCY

    def _refused(self, place: Place, fault: AttemptError) -> None:
        pass


def ask_all(provider: Provider, after_seconds: float, kind: type[Limit] = Limit) -> tuple[float, float]:
    """Return the simulated seconds until all requests are answered, and the attempts per request."""
    config = configure(None, None, {"concurrency": CONCURRENCY})
    work = _Each(requests_of(config.generate, *map(str, range(REQUESTS)), max_tokens=1))
    wire = Detour(provider, after_seconds)

    async def seconds(store: AnswerStore) -> float:
        budget = Budget(store.database, config.runtime)
        run = _Run(config.runtime, store, budget, Progress("generate", work, "dvc.yaml"))
        client = run._client
        client._wire, client._limit, client._jitter = wire, kind(config.runtime), provider.chance
        await run._loop(work)
        await client.close()
        return asyncio.get_running_loop().time()

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(AnswerStore(Path(folder))) as store,
        asyncio.Runner(loop_factory=SkippingLoop) as runner,
    ):
        return runner.run(seconds(store)), wire.sent / REQUESTS


def figures_of(case: Case, kind: type[Limit], free: float) -> list[float]:
    """Return the time as a multiple of the ideal, median and worst, then the requests per answer, median and worst."""
    draws = [ask_all(case.new(seed), case.after_seconds, kind) for seed in range(DRAWS)]
    times = [seconds / case.ideal_seconds(free) for seconds, _ in draws]
    sent = [each for _, each in draws]
    return [median(times), max(times), median(sent), max(sent)]


def measure_refusals() -> None:
    """Print how many times longer a run takes because of refusals, and how many requests it sends per answer."""
    free = median(ask_all(Provider(seed), 0.0)[0] for seed in range(DRAWS))
    lines = []
    for case in CASES:
        ours, theirs = (figures_of(case, kind, free) for kind in (Limit, Unlearning))
        lines.append([case.name, *(f"{figure:.2f}x" for figure in [*ours, theirs[0], theirs[2]])])
    print_table(
        f"{REQUESTS:,} requests, {CONCURRENCY} at once, {free:.0f} s where nothing is refused:",
        ["refused is", "time", "worst draw", "requests", "worst draw", "time, each for itself", "requests"],
        lines,
    )
