"""Limits how many requests are in flight and how fast new ones start: as configured, and as the provider allows."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress

from stages.contract.errors import SeedlingError
from stages.contract.sections.runtime import Runtime
from stages.llm.faults import AttemptError

_PLACES_AT_FIRST = 16
_LAST_ATTEMPTS = 100
_STRAY, _STRAY_SHARE = 2, 0.1  # two refusals plus a tenth of the last attempts may be chance
_FEWER = 0.7  # of the places are kept after refusals
_SLOWER = 0.85  # of the rate is kept after refusals
_RECENT_SECONDS = 5.0  # the first rate is that of the successes of this time
_FASTER, _FASTER_NEAR_REFUSAL = 1.0, 0.02  # requests a second that each success adds to the rate
_FASTEST_SECONDS = 0.002  # between starts; a shorter gap is not worth pacing
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0  # if a refusal does not say how long to wait


class Bucket:
    """A rate limit: each amount that passes makes the next one wait in proportion."""

    def __init__(self, per_minute: float | None) -> None:
        self.seconds_each = 60 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    def wait(self, now: float) -> float:
        """Return how many seconds the next amount has to wait; 0 or less if it may pass."""
        return self._free_at - now

    def take(self, now: float, amount: float) -> None:
        """Count an amount that passes now."""
        self._free_at = max(self._free_at, now) + amount * self.seconds_each

    def correct(self, amount: float) -> None:
        """Count so much more (less if negative) than was taken."""
        self._free_at += amount * self.seconds_each


class Place:
    """A request's place among those in flight."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        """How many tokens the request uses: the most it can, until the answer tells."""
        self.began = _now()


class Limit:
    """Gives requests their places in flight, first come, first served.

    Successes double the places (slow start) until more than two plus a tenth of the last attempts are refused for
    overload. Then the limit takes places away (multiplicative decrease, once until a request that began later
    succeeds), pauses every start for as long as the provider asks, and paces later starts at the rate of recent
    successes. From then on each success gives a little of both back (additive increase). Fewer refusals concern only
    the requests that were refused.
    """

    def __init__(self, runtime: Runtime, on_pause: Callable[[float, str], None] = lambda *_: None) -> None:
        self._most = runtime.concurrency
        self._places = float(min(_PLACES_AT_FIRST, runtime.concurrency))
        self._overload_seconds = runtime.overload_seconds
        self._on_pause = on_pause
        self._requests, self._tokens, self._pace = Bucket(runtime.rpm), Bucket(runtime.tpm), Bucket(None)
        self._first_turn, self._turn = asyncio.Lock(), asyncio.Lock()
        self._left, self._closing = asyncio.Event(), asyncio.Event()
        self._taken = 0
        self._last_refused: deque[bool] = deque(maxlen=_LAST_ATTEMPTS)
        self._paused_until = self._last_cut = 0.0
        self._is_starting = True
        self._waves = 0  # of refusals without a success of a request that began after the last wave
        self._refused_since: float | None = None
        self._refused_gap = 0.0  # the gap between starts when they were last refused
        self._successes: deque[float] = deque(maxlen=1000)
        self._opened = 0.0  # when the first request started, after LiteLLM's slow import

    @property
    def places(self) -> int:
        """How many requests may be in flight now."""
        return int(self._places)

    @property
    def closed(self) -> bool:
        """True once `close` was called: no more places are given."""
        return self._closing.is_set()

    def close(self) -> None:
        """Give no more places and cancel the requests that wait for one; those that hold one finish."""
        self._closing.set()
        self._left.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the limit is closed meanwhile.

        Raises:
            CancelledError: the limit is closed.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
        if self.closed:
            raise asyncio.CancelledError

    @asynccontextmanager
    async def place(self, tokens: int, *, again: bool = False) -> AsyncIterator[Place]:
        """Give a request a place when its turn comes. An AttemptError inside the block adjusts the limit.

        A retry goes before requests that are sent for the first time, since others may wait for its answer.

        Raises:
            CancelledError: the limit is closed.
            SeedlingError: the provider has refused every request for too long.
        """
        async with nullcontext() if again else self._first_turn, self._turn:
            await self._enter(tokens)
        place = Place(tokens)
        try:
            yield place
        except AttemptError as fault:
            if fault.kind == "overload":
                self._refused(place, fault)
            raise
        else:
            self._succeeded(place)
        finally:
            self._tokens.correct(place.tokens - tokens)
            self._taken -= 1
            self._left.set()

    async def _enter(self, tokens: int) -> None:
        if self.closed:
            raise asyncio.CancelledError
        while self._taken >= self.places or self._seconds_to_wait() > 0:
            if self._taken >= self.places:
                self._left.clear()
                await self._left.wait()
            await self.sleep(self._seconds_to_wait())
        now = _now()
        self._opened = self._opened or now
        for bucket, amount in ((self._requests, 1), (self._tokens, tokens), (self._pace, 1)):
            bucket.take(now, amount)
        self._taken += 1

    def _seconds_to_wait(self) -> float:
        now = _now()
        return max(self._paused_until - now, *(b.wait(now) for b in (self._requests, self._tokens, self._pace)))

    def _succeeded(self, place: Place) -> None:
        if place.began >= self._last_cut:
            self._waves = 0
        self._refused_since = None
        self._last_refused.append(False)
        self._successes.append(_now())
        self._places = min(self._most, self._places + (1 if self._is_starting else 1 / self._places))
        gap = self._pace.seconds_each
        growth = _FASTER_NEAR_REFUSAL if gap < self._refused_gap / _SLOWER else _FASTER
        gap /= 1 + growth * min(gap, 1.0)
        self._pace.seconds_each = gap if gap > _FASTEST_SECONDS else 0.0

    def _refused(self, place: Place, fault: AttemptError) -> None:
        now = _now()
        self._check_patience(now, fault)
        is_news = place.began >= self._last_cut  # requests sent before the last cut say nothing new
        if is_news:
            self._last_refused.append(True)
            if sum(self._last_refused) <= _STRAY + _STRAY_SHARE * len(self._last_refused):
                return
            self._waves += 1
            self._last_cut = now
        pause = fault.after_seconds or (self._own_pause() if is_news else 0.0)
        self._paused_until = max(self._paused_until, now + pause)
        if is_news:
            self._slow_down(now)
            self._on_pause(pause, str(fault))

    def _check_patience(self, now: float, fault: AttemptError) -> None:
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now + fault.after_seconds - self._refused_since > self._overload_seconds:
            raise SeedlingError(
                f"the provider has refused every request for {now - self._refused_since:.0f} s and asks to wait "
                f"another {fault.after_seconds:.0f} s, last: {fault}; "
                "run again later (every answer received is stored) or lower runtime.concurrency or runtime.rpm"
            )

    def _own_pause(self) -> float:
        """Return how long to wait if a refusal does not say: 0 if a slower pace may be enough."""
        if self._waves == 1 and self._pace.seconds_each:
            return 0.0
        return min(_FIRST_PAUSE_SECONDS * 2.0 ** min(self._waves - 1, 16), _LONGEST_PAUSE_SECONDS)

    def _slow_down(self, now: float) -> None:
        self._last_refused.clear()
        self._is_starting = False
        if self._waves > 1:
            return
        self._places = max(1.0, self._places * _FEWER)
        if gap := self._pace.seconds_each:
            self._refused_gap = gap
            self._pace.seconds_each = gap / _SLOWER
        elif rate := self._rate(now):
            self._pace.seconds_each = 1 / rate

    def _rate(self, now: float) -> float:
        """Return the recent successes per second."""
        span = min(_RECENT_SECONDS, max(0.5, now - self._opened))
        return sum(success > now - span for success in self._successes) / span


def _now() -> float:
    return asyncio.get_running_loop().time()
