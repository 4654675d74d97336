"""The limiter: concurrency, request order, rate limits, backoff after refusals, and closing."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from stages.contract.errors import SeedlingError
from stages.llm.faults import AttemptError
from stages.llm.limits import Limit
from tests.clock import SkippingLoop
from tests.llm_server import configure

Outcome = TypeVar("Outcome")


def run(work: Coroutine[None, None, Outcome]) -> Outcome:
    """Return the result of work that runs on the simulated clock."""

    async def in_time() -> Outcome:
        return await asyncio.wait_for(work, 1000)

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(in_time())


def now() -> float:
    return asyncio.get_running_loop().time()


def new_limit(places: int = 16, on_pause: Callable[[float, str], None] = lambda *_: None, **runtime: Any) -> Limit:
    return Limit(configure(runtime={"concurrency": places, **runtime}).runtime, on_pause)


def refusal(after_seconds: float = 0) -> AttemptError:
    return AttemptError("overload", "429 slow down", after_seconds, billed=False)


async def attempt(limit: Limit, fault: AttemptError | None = None, tokens: int = 1, seconds: float = 0.01) -> float:
    """Take a place, end the attempt with a fault if one is given, and return the time of the start."""
    try:
        async with limit.place(tokens):
            began = now()
            await asyncio.sleep(seconds)
            if fault:
                raise fault
    except AttemptError:
        pass
    return began


async def overload(limit: Limit, after_seconds: float = 0.01) -> float:
    """Send as many refused requests as lower the concurrency, and return the start of the last one."""
    await asyncio.gather(*(attempt(limit, refusal(after_seconds)) for _ in range(2)))
    return await attempt(limit, refusal(after_seconds))


# Places


async def visit(limit: Limit, name: int, inside: list[int], seen: list[list[int]]) -> None:
    """Hold a place for a few turns of the loop and record who else holds one."""
    async with limit.place(1):
        inside.append(name)
        seen.append(list(inside))
        for _ in range(3):
            await asyncio.sleep(0)
        inside.remove(name)


async def visitors(places: int, count: int) -> list[list[int]]:
    """Return the holders of a place at each entry."""
    limit, seen, inside = new_limit(places), list[list[int]](), list[int]()
    await asyncio.gather(*(visit(limit, name, inside, seen) for name in range(count)))
    return seen


@pytest.mark.parametrize("places", [1, 3, 16])
def test_requests_in_flight_reach_the_number_of_places_and_no_more(places: int) -> None:
    assert max(len(inside) for inside in run(visitors(places, 40))) == places


@pytest.mark.parametrize("places", [1, 3, 16])
def test_places_are_granted_in_request_order(places: int) -> None:
    assert [inside[-1] for inside in run(visitors(places, 20))] == list(range(20))


def test_a_retry_goes_before_requests_that_never_started() -> None:
    async def visit(limit: Limit, name: str, inside: list[str], *, again: bool = False) -> None:
        async with limit.place(1, again=again):
            inside.append(name)
            await asyncio.sleep(1)

    async def work() -> list[str]:
        limit, inside = new_limit(1), list[str]()
        tasks = [asyncio.create_task(visit(limit, name, inside)) for name in ("first", "second", "third")]
        await asyncio.sleep(0.5)
        await asyncio.gather(*tasks, visit(limit, "again", inside, again=True))
        return inside

    assert run(work()) == ["first", "second", "again", "third"]


def test_a_place_is_free_again_after_a_failure() -> None:
    async def fail(limit: Limit) -> None:
        async with limit.place(1):
            raise ValueError("no")

    async def work() -> str:
        limit = new_limit(1)
        with pytest.raises(ValueError, match="no"):
            await fail(limit)
        async with limit.place(1):
            return "inside"

    assert run(work()) == "inside"


def test_successes_double_the_places_up_to_the_concurrency() -> None:
    async def work() -> list[int]:
        limit, places = new_limit(40), []
        for _ in range(30):
            places.append(limit.places)
            await attempt(limit)
        return places

    assert run(work()) == [*range(16, 40), *[40] * 6]


# Rate limits and overload


def test_refusals_of_requests_in_flight_together_lower_concurrency_once() -> None:
    async def work() -> int:
        limit = new_limit(10)
        await asyncio.gather(*(attempt(limit, refusal(0.01)) for _ in range(10)))
        return limit.places

    assert run(work()) == 7


def test_each_wave_of_refusals_lowers_concurrency_down_to_one() -> None:
    async def work() -> list[int]:
        limit, places = new_limit(4), []
        for _ in range(8):
            await overload(limit)
            places.append(limit.places)
            await attempt(limit)
        return places

    assert run(work()) == [2, 2, 1, 1, 1, 1, 1, 1]


def test_a_second_wave_without_a_success_in_between_does_not_lower_concurrency() -> None:
    async def work() -> list[int]:
        limit, places = new_limit(10), []
        for _ in range(4):
            await overload(limit)
            places.append(limit.places)
        return places

    assert run(work()) == [7, 7, 7, 7]


def test_a_success_of_a_request_in_flight_during_a_wave_does_not_end_the_wave() -> None:
    async def work() -> list[int]:
        limit, places = new_limit(10), []
        for _ in range(3):
            under_way = asyncio.create_task(attempt(limit, seconds=1))
            await overload(limit)
            await under_way
            places.append(limit.places)
        return places

    assert run(work()) == [7, 7, 7]


def test_concurrency_recovers_one_place_at_a_time() -> None:
    async def work() -> list[int]:
        limit, places = new_limit(10), []
        await overload(limit)
        for _ in range(16):
            places.append(limit.places)
            await attempt(limit)
        return places

    places = run(work())
    assert places == sorted(places)
    assert (places[0], places[7], places[15]) == (7, 7, 8)


@pytest.mark.parametrize(("successes", "refusals"), [(0, 2), (20, 4), (90, 11), (200, 12)])
def test_few_refusals_among_many_attempts_leave_concurrency_unchanged(successes: int, refusals: int) -> None:
    async def work() -> tuple[int, float, int, float]:
        limit = new_limit(on_pause=lambda *_: pytest.fail("a pause"))
        await asyncio.gather(*(attempt(limit) for _ in range(successes)))
        for _ in range(refusals - 1):
            await attempt(limit, refusal(60))
        refused, before = await attempt(limit, refusal(60)), limit.places
        return before, refused, limit.places, await attempt(limit)

    before, refused, after, begun = run(work())
    assert (before, after) == (16, 16)
    assert begun - refused < 0.05


@pytest.mark.parametrize(("successes", "refusals"), [(0, 3), (20, 5), (90, 13), (200, 13)])
def test_one_more_refusal_lowers_concurrency(successes: int, refusals: int) -> None:
    async def work() -> int:
        limit = new_limit()
        await asyncio.gather(*(attempt(limit) for _ in range(successes)))
        for _ in range(refusals):
            await attempt(limit, refusal(0.01))
        return limit.places

    assert run(work()) == 11


def test_no_request_starts_before_the_requested_wait_is_over() -> None:
    async def work() -> tuple[float, list[float]]:
        limit = new_limit(4)
        refused = await overload(limit, 0.6)
        return refused, await asyncio.gather(*(attempt(limit) for _ in range(3)))

    refused, begun = run(work())
    assert min(begun) - refused >= 0.6


def test_refusals_without_a_retry_time_back_off_exponentially() -> None:
    async def work() -> list[float]:
        limit = new_limit(1)
        return [await overload(limit, 0) for _ in range(4)]

    begun = run(work())
    pauses = [later - earlier for earlier, later in pairwise(begun)]
    assert pauses == [pytest.approx(expected, abs=0.05) for expected in (0.5, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("wave", "late", "least", "most"),
    [
        pytest.param(0.05, 0.6, 0.6, 0.61, id="longer_wait"),
        pytest.param(0.6, 0.05, 0.45, 0.48, id="shorter_wait"),
        pytest.param(0.05, 0.0, 0.0, 0.01, id="without_retry_after"),
    ],
)
def test_a_late_refusal_of_a_request_in_flight_pauses_as_long_as_it_asks(
    wave: float, late: float, least: float, most: float
) -> None:
    async def work() -> float:
        limit = new_limit(8)
        under_way = asyncio.create_task(attempt(limit, refusal(late), seconds=0.2))
        await asyncio.sleep(0.05)
        await overload(limit, wave)
        await under_way
        refused = now()
        return await attempt(limit) - refused

    assert least <= run(work()) <= most


def test_the_first_refusals_at_a_request_rate_lower_it_without_a_pause() -> None:
    told: list[float] = []

    async def work() -> None:
        limit = new_limit(on_pause=lambda seconds, _: told.append(seconds))
        for _ in range(2):
            await attempt(limit)
            await overload(limit, 0)

    run(work())
    assert told == [0.5, 0]


def test_a_pause_is_reported_with_its_reason() -> None:
    told: list[tuple[float, str]] = []
    run(overload(new_limit(on_pause=lambda seconds, why: told.append((seconds, why))), 7))
    assert told == [(7, "429 slow down")]


def test_a_provider_that_refuses_everything_for_too_long_ends_the_run() -> None:
    async def work() -> None:
        limit = new_limit(overload_seconds=0.5)
        while True:
            await attempt(limit, refusal(0.2))

    with pytest.raises(
        SeedlingError, match=r"^the provider has refused every request for \d s and asks to wait"
    ) as caught:
        run(work())
    assert caught.value.exit_code == 1


def test_a_success_between_refusals_resets_overload_seconds() -> None:
    async def work() -> float:
        limit = new_limit(overload_seconds=10)
        for _ in range(4):
            await overload(limit, 4)
            await attempt(limit)
        return now()

    assert run(work()) > 10


def test_overload_seconds_count_from_the_first_refusal_after_a_success() -> None:
    async def be_refused(limit: Limit) -> None:
        while True:
            await attempt(limit, refusal(300))
            await asyncio.sleep(300)

    async def work() -> None:
        limit = new_limit(overload_seconds=899)
        await attempt(limit, refusal(), seconds=100)
        await attempt(limit)
        await be_refused(limit)

    with pytest.raises(SeedlingError, match="has refused every request for 600 s and asks to wait another 300 s"):
        run(work())


def test_a_late_refusal_does_not_end_a_healthy_run() -> None:
    async def work() -> float:
        limit = new_limit(overload_seconds=60)
        late = asyncio.create_task(attempt(limit, refusal(), seconds=70))
        await overload(limit)
        while not late.done():
            await attempt(limit, seconds=1)
        await late
        return now()

    assert run(work()) > 60


# Rates


@pytest.mark.parametrize(
    ("runtime", "tokens", "seconds"),
    [
        pytest.param({"rpm": 600}, 1, 0.9, id="rpm"),
        pytest.param({"tpm": 6000}, 10, 0.9, id="tpm"),
        pytest.param({"rpm": 1200, "tpm": 6000}, 10, 0.9, id="slower_of_both"),
    ],
)
def test_requests_start_at_the_configured_rate(runtime: dict[str, Any], tokens: int, seconds: float) -> None:
    async def work() -> list[float]:
        limit = new_limit(16, **runtime)
        return await asyncio.gather(*(attempt(limit, tokens=tokens) for _ in range(10)))

    begun = run(work())
    assert begun[-1] - begun[0] == pytest.approx(seconds, abs=0.05)


def test_unused_tokens_are_returned_to_the_rate_limit() -> None:
    async def use_one(limit: Limit) -> None:
        async with limit.place(100) as place:
            place.tokens = 1

    async def work() -> float:
        limit, began = new_limit(1, tpm=6000), now()
        for _ in range(5):
            await use_one(limit)
        return now() - began

    assert run(work()) < 1


# Closing


async def close_with_one_in_flight() -> list[object]:
    """Return the outcomes of a request in flight, of two queued ones, and of one after closing."""
    limit = new_limit(1)
    leave = asyncio.Event()

    async def stay() -> str:
        async with limit.place(1):
            await leave.wait()
            return "finished"

    tasks = [asyncio.create_task(stay()) for _ in range(3)]
    await asyncio.sleep(0)
    limit.close()
    leave.set()
    return [type(end) if isinstance(end, BaseException) else end for end in await _ends([*tasks, stay()])]


async def _ends(work: list[asyncio.Task[str] | Coroutine[None, None, str]]) -> list[str | BaseException]:
    return await asyncio.gather(*work, return_exceptions=True)


def test_closing_lets_a_request_in_flight_finish_and_cancels_the_others() -> None:
    assert run(close_with_one_in_flight()) == ["finished", *[asyncio.CancelledError] * 3]


def test_closing_cancels_a_request_that_waits_out_a_pause() -> None:
    async def work() -> float:
        limit = new_limit(1)
        await attempt(limit, refusal(60))
        waiting = asyncio.create_task(attempt(limit))
        await asyncio.sleep(0.05)
        began = now()
        limit.close()
        await asyncio.gather(waiting, return_exceptions=True)
        return now() - began

    assert run(work()) < 1
