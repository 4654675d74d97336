"""Measure what it costs to commit answers in order."""

import asyncio
import contextlib
import itertools
import random
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.llm.common import print_table
from stages.contract.config import Config
from stages.contract.records import Answer
from stages.contract.sections.runtime import Runtime
from stages.generate import Bootstrap
from stages.generate import Config as GenerateConfig
from stages.llm.budget import Budget
from stages.llm.client import Client
from stages.llm.limits import Limit
from stages.llm.progress import Progress
from stages.llm.response import no_answer
from stages.llm.window import _Run
from stages.store.answers import AnswerStore
from stages.store.request import Request, Requests
from tests.clock import SkippingLoop
from tests.llm_server import configure, part

SIGMA, ACCEPTANCE = 0.5, 0.7  # of the lognormal latency; share of the candidates
WINDOWS = [(16, 128), (16, 256), (64, 128), (64, 256), (64, 512)]  # (concurrency, window)
DRAWS = {200: 15, 1_000: 15, 10_000: 3}  # requests -> draws of the latencies


class Sleeper(Client):
    """Limits concurrency as the real client does, but sleeps instead of sending a request."""

    def __init__(self, runtime: Runtime, seed: int) -> None:
        self._limit = Limit(runtime)
        self._chance = random.Random(seed)  # noqa: S311
        self.sent = 0

    async def complete(self, request: Request) -> Answer:
        """Return an empty answer after a random latency."""
        async with self._limit.place(0):
            self.sent += 1
            await asyncio.sleep(self._chance.lognormvariate(0, SIGMA))
        return no_answer(request, "stop", [])


class Counted(Bootstrap):
    """Launches and ends by the real rules, but accepts candidates by chance."""

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(part(GenerateConfig, config), [])
        self._accepted = 0
        self._chance = random.Random(seed)  # noqa: S311
        self._request = Requests(config.generate).make("", 1)

    def prepare(self, index: int) -> Request:
        """Return the same request every time."""
        return self._request

    def commit(self, index: int, answer: Answer) -> bool:
        """Accept candidates by chance; return True when there are enough."""
        self.answers.append(answer)
        candidates = self._config.per_request
        accepted = sum(self._chance.random() < ACCEPTANCE for _ in range(candidates))
        self._accepted = min(self._accepted + accepted, self.target)
        self.acceptance.add(accepted, candidates)
        return self.done == self.target

    @property
    def done(self) -> int:
        """Number of candidates accepted so far."""
        return self._accepted


def run_ordered(config: Config, store: AnswerStore, seed: int) -> tuple[float, int, int]:
    """Return the simulated seconds of a run in order, the requests sent, and the answers used."""
    work, client = Counted(config, seed), Sleeper(config.runtime, seed)
    budget = Budget(store.database, config.runtime)
    run = _Run(config.runtime, store, budget, Progress("generate", work, "dvc.yaml"))

    async def seconds() -> float:
        await run._client.close()
        run._client = client
        await run._loop(work)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(seconds()), client.sent, len(work.answers)


def run_unordered(config: Config, count: int, seed: int) -> float:
    """Return the simulated seconds of `count` requests that do not wait for each other."""
    client, request = Sleeper(config.runtime, seed), Requests(config.generate).make("", 1)

    async def seconds() -> float:
        await asyncio.gather(*(client.complete(request) for _ in range(count)))
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(seconds())


def compare_order(concurrency: int, window: int, requests: int) -> tuple[list[float], list[float]]:
    """Return, for each draw, the share of the unordered throughput, and the unneeded requests per request used."""
    shares, beyond = [], []
    wanted = {"num_instructions": round(requests * ACCEPTANCE * 10), "per_request": 10, "window": window}
    config = configure(None, wanted, {"concurrency": concurrency})
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(AnswerStore(Path(folder))) as store:
        for seed in range(DRAWS[requests]):
            seconds, sent, used = run_ordered(config, store, seed)
            shares.append(run_unordered(config, used, seed) / seconds)
            beyond.append((sent - used) / used)
    return shares, beyond


def measure_order() -> None:
    """Print what it costs to commit answers in order."""
    lines = []
    for (concurrency, window), requests in itertools.product(WINDOWS, DRAWS):
        shares, beyond = compare_order(concurrency, window, requests)
        lines.append(
            [
                *(f"{count:,}" for count in (concurrency, window, requests)),
                *(f"{share * 100:.1f} %" for share in (median(shares), min(shares), median(beyond), max(beyond))),
            ]
        )
    heads = ["concurrency", "window", "requests", "throughput", "worst draw", "beyond need", "worst draw"]
    print_table("Share of the unordered throughput, and requests sent for nothing:", heads, lines)
