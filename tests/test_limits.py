"""The limit: places, the order of asking, and closing."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import pytest

from stages.llm.limits import Limit

Outcome = TypeVar("Outcome")


def run(work: Coroutine[None, None, Outcome]) -> Outcome:
    async def in_time() -> Outcome:
        return await asyncio.wait_for(work, 10)

    return asyncio.run(in_time())


async def visit(limit: Limit, name: int, inside: list[int], seen: list[list[int]]) -> None:
    """Stay inside for a few turns of the loop and note who else is there."""
    async with limit:
        inside.append(name)
        seen.append(list(inside))
        for _ in range(3):
            await asyncio.sleep(0)
        inside.remove(name)


async def visitors(places: int, count: int) -> list[list[int]]:
    """Return who was inside whenever one entered."""
    limit, seen, inside = Limit(places), list[list[int]](), list[int]()
    await asyncio.gather(*(visit(limit, name, inside, seen) for name in range(count)))
    return seen


@pytest.mark.parametrize("places", [1, 3, 20])
def test_all_places_and_no_more_are_taken(places: int) -> None:
    assert max(len(inside) for inside in run(visitors(places, 20))) == places


@pytest.mark.parametrize("places", [1, 3, 20])
def test_places_are_given_in_the_order_of_asking(places: int) -> None:
    assert [inside[-1] for inside in run(visitors(places, 20))] == list(range(20))


def test_a_place_is_free_again_after_a_failure() -> None:
    async def fail(limit: Limit) -> None:
        async with limit:
            raise ValueError("no")

    async def work() -> str:
        limit = Limit(1)
        with pytest.raises(ValueError, match="no"):
            await fail(limit)
        async with limit:
            return "inside"

    assert run(work()) == "inside"


async def close_while_one_is_inside() -> list[object]:
    """Return what becomes of a holder, of two who wait, and of one who comes after the closing."""
    limit = Limit(1)
    leave = asyncio.Event()

    async def stay() -> str:
        async with limit:
            await leave.wait()
            return "finished"

    tasks = [asyncio.create_task(stay()) for _ in range(3)]
    await asyncio.sleep(0)
    limit.close()
    leave.set()
    return [type(end) if isinstance(end, BaseException) else end for end in await _ends([*tasks, stay()])]


async def _ends(work: list[asyncio.Task[str] | Coroutine[None, None, str]]) -> list[str | BaseException]:
    return await asyncio.gather(*work, return_exceptions=True)


def test_closing_lets_the_holder_finish_and_turns_away_the_others() -> None:
    assert run(close_while_one_is_inside()) == ["finished", *[asyncio.CancelledError] * 3]
