"""Many requests at once, one order: what is decided depends on the answers and never on their timing."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from stages.contract.config import Decoding, Runtime
from stages.contract.errors import StoppedError
from stages.contract.records import Answer
from stages.llm.answers import AnswerStore, Request, Requests, answers_folder
from stages.llm.client import Client
from stages.llm.limits import Limit

_AHEAD = 4  # requests prepared per place on the wire, so that one slow answer does not idle the others

Prepare = Callable[[int], Request]
"""Makes request i; called in order."""
Commit = Callable[[int, Answer], bool]
"""Takes the answer to request i in order; True ends the run."""
MayLaunch = Callable[[int, int], bool]
"""Whether request i may be made after so many commits; must be True when nothing is under way and work is left."""


def commits_before(index: int, window: int) -> int:
    """Return how many answers, in order, decide what request `index` shows.

    The window opens with the run: request 4 sees the answer to request 0, request 100 the first 50, and from
    twice the window on each sees all but the last `window` - 1. Semantic: it decides bytes.
    """
    lag = min(window, max(4, 1 + index // 2))
    return max(0, index - lag + 1)


def answer_in_order(runtime: Runtime, may_launch: MayLaunch, prepare: Prepare, commit: Commit) -> None:
    """Send requests as they may be launched and commit their answers in order, until a commit ends the run.

    Raises:
        StoppedError: SIGINT or SIGTERM came; requests on the wire were given `runtime.grace_seconds` to be stored.
    """
    store = AnswerStore(answers_folder(runtime))
    try:
        asyncio.run(_Run(runtime, store).go(may_launch, prepare, commit))
    finally:
        store.close()


def answer_each(decoding: Decoding, runtime: Runtime, prompts: Sequence[tuple[str, int]]) -> list[Answer]:
    """Return the answers to independent prompts, each with its token limit, in their order."""
    requests = Requests(decoding)
    answers: list[Answer] = []

    def commit(_: int, answer: Answer) -> bool:
        answers.append(answer)
        return len(answers) == len(prompts)

    answer_in_order(
        runtime, lambda index, _: index < len(prompts), lambda index: requests.make(*prompts[index]), commit
    )
    return answers


async def _stop_when_orphaned() -> None:
    """Send this process SIGTERM once the one that started it is gone: it would go on paying for nobody."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


class _Run:
    """One run of the ordered window."""

    def __init__(self, runtime: Runtime, store: AnswerStore) -> None:
        self._runtime = runtime
        self._limit = Limit(runtime.concurrency)
        self._client = Client(runtime, store, self._limit)
        self._running: dict[asyncio.Task[Answer], int] = {}
        self._signal = 0

    async def go(self, may_launch: MayLaunch, prepare: Prepare, commit: Commit) -> None:
        work = asyncio.create_task(self._loop(may_launch, prepare, commit))
        orphaned = asyncio.create_task(_stop_when_orphaned())
        with self._signals(work):
            try:
                await work
            except asyncio.CancelledError:
                if not self._signal:
                    raise
            finally:
                orphaned.cancel()
                await self._drain()
                await self._client.close()
        if self._signal:
            raise StoppedError(self._signal)

    async def _loop(self, may_launch: MayLaunch, prepare: Prepare, commit: Commit) -> None:
        done: dict[int, Answer] = {}
        launched = committed = 0
        while True:
            while len(self._running) < _AHEAD * self._runtime.concurrency and may_launch(launched, committed):
                task = asyncio.create_task(self._client.complete(prepare(launched)))
                self._running[task] = launched
                launched += 1
            if not self._running:
                return
            finished, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                done[self._running.pop(task)] = task.result()
            while committed in done:
                committed += 1
                if commit(committed - 1, done.pop(committed - 1)):
                    return

    async def _drain(self) -> None:
        """Let requests on the wire finish and be stored; those that still wait for a place are dropped."""
        self._limit.close()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._runtime.grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    @contextmanager
    def _signals(self, work: asyncio.Task[None]) -> Iterator[None]:
        """On the first SIGINT or SIGTERM launch no more, on the second wait no longer."""

        def stop(number: int) -> None:
            waiting = self._running if self._signal else [work]
            self._signal = number
            for task in list(waiting):
                task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
