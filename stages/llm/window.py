"""Many requests at once, one order: what is decided depends on the answers and never on their timing."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stages.contract.config import Decoding, Runtime
from stages.contract.errors import SeedlingError, StoppedError
from stages.contract.records import Answer
from stages.llm.answers import AnswerStore
from stages.llm.budget import CapReachedError
from stages.llm.client import Client
from stages.llm.command import stop_when_orphaned
from stages.llm.database import answers_folder
from stages.llm.progress import Progress
from stages.llm.request import Request, Requests
from stages.llm.work import Work

_SHOWN_SECONDS = 1.0  # until progress is shown anew where no answer comes
_SAID_SECONDS = 2.0  # of waiting at the end before it is explained
_AHEAD = 4  # requests prepared per place on the wire, so that one slow answer does not idle the others


def commits_before(index: int, window: int) -> int:
    """Return how many answers, in order, decide what request `index` shows.

    The window opens with the run: request 4 sees the answer to request 0, request 100 the first 50, and from
    twice the window on each sees all but the last `window` - 1. Semantic: it decides bytes.
    """
    lag = min(window, max(4, 1 + index // 2))
    return max(0, index - lag + 1)


def answer_in_order(name: str, runtime: Runtime, work: Work) -> None:
    """Send the requests of a stage as they may be launched and commit their answers in order, until a commit ends it.

    Raises:
        StoppedError: SIGINT or SIGTERM came; requests on the wire were given `runtime.grace_seconds` to be stored.
        SeedlingError: as `Client.complete`.
    """
    store = AnswerStore(answers_folder(runtime))
    progress = Progress(name, work, runtime.max_cost_usd)
    try:
        asyncio.run(_Run(runtime, store, progress).go(work))
    except CapReachedError:
        raise progress.cap_reached() from None
    finally:
        progress.close()
        store.close()


class _Each:
    """Independent prompts, each with its token limit."""

    unit = "answers"

    def __init__(self, decoding: Decoding, prompts: Sequence[tuple[str, int]]) -> None:
        self._requests = Requests(decoding)
        self._prompts = prompts
        self.target = len(prompts)
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
        return self._requests.make(*self._prompts[index])

    def commit(self, _: int, answer: Answer) -> bool:
        self.answers.append(answer)
        return self.done == self.target


def answer_each(name: str, decoding: Decoding, runtime: Runtime, prompts: Sequence[tuple[str, int]]) -> list[Answer]:
    """Return the answers to independent prompts of a stage, each with its token limit, in their order."""
    work = _Each(decoding, prompts)
    answer_in_order(name, runtime, work)
    return work.answers


class _Run:
    """One run of the ordered window."""

    def __init__(self, runtime: Runtime, store: AnswerStore, progress: Progress) -> None:
        self._runtime = runtime
        self._progress = progress
        self._client = Client(runtime, store, progress)
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
                seconds = self._runtime.deadline_seconds  # another run would pay again for what is on the wire
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
                task.result()  # a fault ends the run, once what came with it is committed

    async def _drain(self, seconds: float) -> None:
        """Let requests on the wire finish and be stored; those that still wait for a place are dropped."""
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
        """Wait so long for what is under way, and return what still is."""
        return (await asyncio.wait(self._running, timeout=seconds))[1] if self._running else set()

    @contextmanager
    def _signals(self, work: asyncio.Task[None]) -> Iterator[None]:
        """On the first SIGINT or SIGTERM launch no more, on the second, or where the work has ended, wait no longer."""

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
