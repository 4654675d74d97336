"""Answers to requests: from the store, from another process that asks the same, or from the model."""

import asyncio
import random
from collections import Counter

from stages.contract.errors import SeedlingError, UserError
from stages.contract.records import Answer
from stages.contract.sections.runtime import Runtime
from stages.llm.budget import Budget
from stages.llm.faults import AttemptError
from stages.llm.inside import Inside
from stages.llm.limits import Limit
from stages.llm.prices import most_tokens
from stages.llm.progress import Progress
from stages.llm.wire import Wire
from stages.store.answers import AnswerStore
from stages.store.locks import KeyLocks
from stages.store.request import Request

_LOOK_AGAIN_SECONDS = 0.1  # while another process fetches the same answer
_FIRST_PAUSE_SECONDS = 0.5  # at most, before the first retry
_LONGEST_PAUSE_SECONDS = {"passing": 60.0, "overload": 4.0}


class Client:
    """Fetches answers, with the only retries between a stage and its model: LiteLLM's own are switched off.

    LiteLLM is imported at the first request that is not stored. A replay needs neither LiteLLM nor a key.
    """

    def __init__(self, runtime: Runtime, store: AnswerStore, budget: Budget, progress: Progress) -> None:
        self._runtime = runtime
        self._store = store
        self._budget = budget
        self._progress = progress
        self._locks = KeyLocks(store.database.path.parent)
        self._limit = Limit(runtime, progress.paused)
        self._flights: dict[str, asyncio.Task[Answer]] = {}
        self._wire: Wire | Inside | None = None
        self._jitter = random.Random()  # noqa: S311  spreads retries; no data depends on it

    @property
    def places(self) -> int:
        """How many requests may be in flight now."""
        return self._limit.places

    async def complete(self, request: Request) -> Answer:
        """Return the answer to a request. Asked twice at once, it is sent once, even if one caller gives up.

        Raises:
            UserError: the provider refuses the request, the key is missing, or the model or its price is unknown.
            CapReachedError: the cap is reached.
            SeedlingError: all attempts failed, or the provider refuses requests for too long.
        """
        if stored := self._store.get(request.key):
            self._progress.replayed(stored)
            return stored
        if request.key not in self._flights:
            self._flights[request.key] = asyncio.create_task(self._fetch(request))
            self._flights[request.key].add_done_callback(lambda flight: self._landed(request.key, flight))
        return await asyncio.shield(self._flights[request.key])

    def stop(self) -> None:
        """Send no more requests; those in flight finish."""
        self._limit.close()
        self._budget.close()

    async def close(self) -> None:
        """Cancel what is still in flight, and close connections and locks."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        if self._wire:
            await self._wire.close()
        self._locks.close()

    def _landed(self, key: str, flight: asyncio.Task[Answer]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # read it, or asyncio complains about an error that nobody waits for any more

    async def _fetch(self, request: Request) -> Answer:
        """Return the answer, fetched by this process or by another that holds the lock on its key."""
        while not self._locks.take(request.key):
            await self._limit.sleep(_LOOK_AGAIN_SECONDS)
        try:
            if stored := self._store.get(request.key):
                self._progress.replayed(stored)
                return stored
            return self._store.put(request, await self._ask(request))
        finally:
            self._locks.give_back(request.key)

    async def _ask(self, request: Request) -> Answer:
        faults: Counter[str] = Counter()
        while True:
            try:
                return await self._attempt(request, again=bool(faults))
            except AttemptError as fault:
                self._progress.failed()
                if fault.kind == "fatal":
                    raise UserError(f"{request.llm.model}: refused the request: {fault}") from None
                faults[fault.kind] += 1
                # A refusal for overload does not count as an attempt: `Limit` decides how long to put up with those.
                if faults["passing"] == self._runtime.attempts or fault.after_seconds > self._runtime.overload_seconds:
                    wait = f" (it asks to wait {fault.after_seconds:.0f} s)" if fault.after_seconds else ""
                    raise SeedlingError(
                        f"{request.llm.model}: no answer in {faults.total()} attempts, last: {fault}{wait}; "
                        "run again later (every answer received is stored)"
                    ) from None
                seconds = fault.after_seconds or self._pause(fault.kind, faults[fault.kind])
                self._progress.waiting(seconds, str(fault))
                await self._limit.sleep(seconds)

    def _pause(self, kind: str, faults: int) -> float:
        """Return the seconds before the next attempt: random, up to a bound that doubles with each fault."""
        longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(faults - 1, 16), _LONGEST_PAUSE_SECONDS[kind])
        return self._jitter.uniform(0, longest)

    async def _attempt(self, request: Request, *, again: bool) -> Answer:
        if self._wire is None:
            wire = Inside() if request.llm.route == "offline" else Wire(self._runtime, request)
            self._budget.open(request)
            self._progress.begin(self._budget)
            self._wire = wire
        async with self._limit.place(most_tokens(request), again=again) as place:
            async with self._budget.reserved(request) as charge:
                self._progress.sent()
                answer = self._budget.priced(await self._wire.ask(request))
                charge.becomes(answer.cost_usd)
            place.tokens = answer.prompt_tokens + answer.completion_tokens
        self._progress.answered(answer)
        return answer
