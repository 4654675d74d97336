"""What a command has spent, kept across its stages and processes, and the cap on it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from stages.contract.errors import SeedlingError
from stages.llm.command import current_run
from stages.llm.database import Database
from stages.llm.faults import AttemptError

_NANO = 1_000_000_000  # money is added up in whole billionths of a USD


class CapReachedError(SeedlingError):
    """The next request might cost more than the command may still spend."""


class Charge:
    """What an attempt costs: what was reserved for it, until it is known."""

    def __init__(self, usd: float) -> None:
        self.usd = usd


class Budget:
    """Sets money aside before each attempt, so that no two processes of one command spend it twice.

    An attempt that may have been billed without an answer (a deadline, a kill) stays charged at what was set aside.
    """

    def __init__(self, database: Database, cap_usd: float | None) -> None:
        self._database = database
        self._cap = None if cap_usd is None else round(cap_usd * _NANO)
        self._under_way = 0
        self._settled = asyncio.Event()
        self._closed = False

    @asynccontextmanager
    async def reserved(self, usd: float) -> AsyncIterator[Charge]:
        """Set an amount aside for an attempt and settle it afterwards; waits while others' attempts hold the rest.

        Raises:
            CapReachedError: the amount would exceed the cap, and nothing is under way that could turn out cheaper.
        """
        charge = Charge(usd)
        if not usd:  # a model without a price, or on one's own machine
            yield charge
            return
        await self._reserve(round(usd * _NANO))
        try:
            yield charge
        except AttemptError as fault:
            charge.usd = usd if fault.billed else 0.0
            raise
        finally:
            self._settle(round(usd * _NANO), round(charge.usd * _NANO))

    @cached_property
    def _run(self) -> str:
        """The run id of the command, entered among those that pay."""
        run = current_run()
        self._database.execute("INSERT OR IGNORE INTO runs (run, began) VALUES (?, ?)", (run, int(time.time())))
        return run

    @property
    def spent_usd(self) -> float:
        """What the command has spent so far, all its stages together."""
        row = self._database.execute("SELECT spent FROM runs WHERE run = ?", (self._run,)).fetchone()
        return row[0] / _NANO if row else 0.0

    def close(self) -> None:
        """Set nothing aside any more; who waits is turned away."""
        self._closed = True
        self._settled.set()

    async def _reserve(self, amount: int) -> None:
        while not self._take(amount):
            if not self._under_way:
                raise CapReachedError("the cap is reached")
            self._settled.clear()
            await self._settled.wait()
            if self._closed:
                raise asyncio.CancelledError
        self._under_way += 1

    def _take(self, amount: int) -> bool:
        taken = self._database.execute(
            "UPDATE runs SET reserved = reserved + :amount "
            "WHERE run = :run AND (:cap IS NULL OR spent + reserved + :amount <= :cap)",
            {"amount": amount, "run": self._run, "cap": self._cap},
        )
        return taken.rowcount == 1

    def _settle(self, reserved: int, spent: int) -> None:
        self._under_way -= 1
        self._settled.set()
        self._database.execute(
            "UPDATE runs SET reserved = reserved - ?, spent = spent + ? WHERE run = ?", (reserved, spent, self._run)
        )


def last_commands(database: Database, count: int) -> list[tuple[int, float, float]]:
    """Return when the last commands that paid began, what each spent, and what it has set aside, in USD.

    The latter is of attempts under way or cut off by a kill, for which the provider may have charged.
    """
    rows = database.execute("SELECT began, spent, reserved FROM runs ORDER BY began DESC, run LIMIT ?", (count,))
    return [(began, spent / _NANO, reserved / _NANO) for began, spent, reserved in rows]
