"""Sends many requests at once and commits their answers in order, so that results never depend on timing."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stages.contract.errors import SeedlingError, StoppedError
from stages.contract.pipeline import ROOT_PIPELINE
from stages.contract.records import Answer
from stages.contract.sections.runtime import Runtime
from stages.llm.budget import Budget, CapReachedError
from stages.llm.client import Client
from stages.llm.command import stop_when_orphaned
from stages.llm.progress import Progress
from stages.llm.work import Work
from stages.store.answers import AnswerStore
from stages.store.database import answers_folder
from stages.store.request import Request

_SHOWN_SECONDS = 1.0  # between updates of the progress while no answer comes
_SAID_SECONDS = 2.0  # of waiting at the end before a line explains it
_AHEAD = 4  # requests prepared per place in flight, so that one slow answer does not idle the others


def answer_in_order(name: str, runtime: Runtime, work: Work, pipeline: str = ROOT_PIPELINE) -> None:
    """Send the requests of a stage and commit their answers in order, until a commit ends the run.

    Args:
        name: the stage.
        runtime: how requests are sent.
        work: the requests and what to do with their answers.
        pipeline: the dvc.yaml that declares the stage.

    Raises:
        StoppedError: SIGINT or SIGTERM came; requests in flight were given `runtime.grace_seconds` to be stored.
        SeedlingError: as in `Client.complete`, or the cap is reached.
    """
    store = AnswerStore(answers_folder(runtime))
    budget = Budget(store.database, runtime)
    progress = Progress(name, work, pipeline)
    try:
        asyncio.run(_Run(runtime, store, budget, progress).go(work))
    except CapReachedError:
        raise budget.stopped(f"{work.done:,} of {work.target:,}", *progress.left()) from None
    finally:
        progress.close()
        store.close()


def answer_each(
    name: str, runtime: Runtime, requests: Sequence[Request], pipeline: str = ROOT_PIPELINE
) -> list[Answer]:
    """Return the answers to independent requests, in the order of the requests. Arguments as in `answer_in_order`."""
    work = _Each(requests)
    answer_in_order(name, runtime, work, pipeline)
    return work.answers


class _Each:
    """Work whose requests do not depend on answers."""

    unit = "answers"

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        self.target = len(requests)
        self.answers: list[Answer] = []

    @property
    def done(self) -> int:
        return len(self.answers)

    @property
    def requests_left(self) -> int:
        return self.target - self.done

    def may_launch(self, index: int, _: int) -> bool:
        return index < self.target

    def prepare(self, index: int) -> Request:
        return self._requests[index]

    def commit(self, _: int, answer: Answer) -> bool:
        self.answers.append(answer)
        return self.done == self.target


class _Run:
    """One run of the ordered window."""

    def __init__(self, runtime: Runtime, store: AnswerStore, budget: Budget, progress: Progress) -> None:
        self._runtime = runtime
        self._progress = progress
        self._client = Client(runtime, store, budget, progress)
        self._running: dict[asyncio.Task[Answer], int] = {}
        self._signal = 0

    async def go(self, work: Work) -> None:
        loop = asyncio.create_task(self._loop(work))
        orphaned = asyncio.create_task(stop_when_orphaned())
        seconds = self._runtime.grace_seconds
        with self._signals(loop):
            try:
                await loop
            except asyncio.CancelledError:
                if not self._signal:
                    raise
            except SeedlingError:
                seconds = self._runtime.deadline_seconds  # another run would pay again for what is in flight
                raise
            finally:
                orphaned.cancel()
                await self._drain(seconds)
                await self._client.close()
        if self._signal:
            raise StoppedError(self._signal)

    async def _loop(self, work: Work) -> None:
        done: dict[int, Answer] = {}
        launched = committed = 0
        while True:
            while len(self._running) < _AHEAD * self._client.places and work.may_launch(launched, committed):
                task = asyncio.create_task(self._client.complete(work.prepare(launched)))
                self._running[task] = launched
                launched += 1
            if not self._running:
                return
            finished, _ = await asyncio.wait(self._running, timeout=_SHOWN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            ended = {self._running.pop(task): task for task in finished}
            done |= {index: task.result() for index, task in ended.items() if not task.exception()}
            while committed in done:
                ends = work.commit(committed, done.pop(committed))
                self._progress.committed()
                committed += 1
                if ends:
                    return
            self._progress.show()
            for task in finished:
                task.result()  # an error ends the run, after the answers that came with it are committed

    async def _drain(self, seconds: float) -> None:
        """Let requests in flight finish and be stored; drop those that have not been sent."""
        self._client.stop()
        at_once = min(seconds, _SAID_SECONDS)
        late = await self._finish(at_once)
        if late and seconds > at_once:
            self._progress.stopping(seconds - at_once)
            late = await self._finish(seconds - at_once)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _finish(self, seconds: float) -> set[asyncio.Task[Answer]]:
        """Wait up to so many seconds for requests in flight, and return those that have not finished."""
        return (await asyncio.wait(self._running, timeout=seconds))[1] if self._running else set()

    @contextmanager
    def _signals(self, work: asyncio.Task[None]) -> Iterator[None]:
        """Launch nothing more after the first SIGINT or SIGTERM; drop what is in flight after the second.

        If the work has ended already, the first signal drops what is in flight.
        """

        def stop(number: int) -> None:
            waiting = self._running if self._signal or work.done() else [work]
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
