"""The cap on what a command may spend: prices, reservations and spending, kept across its stages and processes."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from stages.contract.errors import SeedlingError
from stages.contract.records import NO_ANSWER, Answer
from stages.contract.sections.price import Price
from stages.contract.sections.runtime import Runtime
from stages.llm.command import current_run
from stages.llm.faults import AttemptError
from stages.llm.prices import cost_usd, listed_price, most_tokens, own_price, unknown_price
from stages.store.database import Database
from stages.store.request import Request

_NANO = 1_000_000_000  # money is added up in whole billionths of a USD, so that sums are exact
_SUSPECTED = 50.0  # times the estimate that an answer is feared to cost, before any is known; each known one lowers it
_REMEMBERED = 100  # answers, of which the dearest for its estimate sets the next reservations


class CapReachedError(SeedlingError):
    """The next request might cost more than the command may still spend."""


class Charge:
    """What an attempt costs: the amount reserved for it, until the real cost is known."""

    def __init__(self, usd: float) -> None:
        self.usd = usd
        self.is_known = False

    def becomes(self, usd: float | None) -> None:
        """Take the real cost in place of the reserved amount; None where it stays unknown."""
        if usd is not None:
            self.usd, self.is_known = usd, True


class Budget:
    """Owns `runtime.max_cost_usd`: reserves money before each attempt, so that processes of one command share one cap.

    An attempt that may have been billed without an answer (a deadline, a kill) stays charged at its reservation.
    """

    def __init__(self, database: Database, runtime: Runtime) -> None:
        self._database = database
        self._own_prices = runtime.price
        self.max_cost_usd = runtime.max_cost_usd
        """The cap in USD; None for no cap."""
        self.price: Price | None = None
        """What the model takes; None where it is not known, and before `open`."""
        self._is_own_price = False
        self.most_usd = 0.0
        """What the first request that is not stored may cost at most; 0 where it is free or the price is not known."""
        self._in_flight = self._reserved = 0
        self._ratios: deque[float] = deque(maxlen=_REMEMBERED)  # of cost and estimate, of the last answers
        self._settled = asyncio.Event()
        self._closed = False

    def open(self, first: Request) -> None:
        """Look up the price of the model, at the first request that is not stored.

        Raises:
            UserError: the price is not known, so the cap cannot be kept.
        """
        own = own_price(first.llm, self._own_prices)
        self.price, self._is_own_price = own or listed_price(first.llm), own is not None
        if self.price is None and self.max_cost_usd is not None:
            raise unknown_price(first.llm, self.max_cost_usd)
        self.most_usd = self.at_most(first)

    def at_most(self, request: Request) -> float:
        """Return what a request may cost at most, in USD; 0 when the price is not known."""
        answer = int(request.parameters["max_tokens"])
        return cost_usd(self.price, most_tokens(request) - answer, 0, answer) if self.price else 0.0

    def priced(self, answer: Answer) -> Answer:
        """Return the answer with its cost: by `runtime.price`, else by LiteLLM, which knows more kinds of tokens."""
        if answer.finish_reason in NO_ANSWER and answer.cost_usd == 0 and not answer.prompt_tokens:
            return answer  # refused with an error, which is free
        cost = answer.cost_usd
        if self.price and (self._is_own_price or cost is None):
            cost = cost_usd(self.price, answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens)
        is_counted = answer.prompt_tokens and (answer.completion_tokens or not answer.text)
        is_free = self.price and not any(dict(self.price).values())
        return answer.model_copy(update={"cost_usd": cost if is_counted or is_free else None})

    @asynccontextmanager
    async def reserved(self, request: Request) -> AsyncIterator[Charge]:
        """Reserve what an attempt may cost and settle it afterwards; wait while other attempts hold the rest.

        Raises:
            CapReachedError: the amount would exceed the cap, and no attempt is in flight that could turn out cheaper.
        """
        estimate = self.at_most(request)
        charge = Charge(estimate)
        if not estimate:  # free, or the price is not known
            yield charge
            return
        amount = await self._reserve(estimate)
        charge.usd = amount / _NANO
        try:
            yield charge
            if charge.is_known:
                self._ratios.append(charge.usd / estimate)
        except AttemptError as fault:
            charge.usd = charge.usd if fault.billed else 0.0
            raise
        finally:
            self._settle(amount, round(charge.usd * _NANO))

    @cached_property
    def _run(self) -> str:
        """The run id of the command, with a row of its own in the store."""
        run = current_run()
        self._database.execute("INSERT OR IGNORE INTO runs (run, began) VALUES (?, ?)", (run, int(time.time())))
        return run

    @property
    def spent_usd(self) -> float:
        """What the command has spent so far, in all its stages."""
        row = self._database.execute("SELECT spent FROM runs WHERE run = ?", (self._run,)).fetchone()
        return row[0] / _NANO if row else 0.0

    def stopped(self, done: str, answers_left: int, usd_per_answer: float) -> SeedlingError:
        """Return the error that ends a command at its cap, with the command that resumes it.

        Args:
            done: the progress so far, such as `412 of 1,000`.
            answers_left: about how many answers are still to be bought.
            usd_per_answer: what an answer has cost so far; 0 when none was bought.
        """
        more = (usd_per_answer or self.most_usd) * answers_left
        advised = _rounded_up(max(1.25 * more, self.max_cost_usd or 0))
        return SeedlingError(
            f"done {done}, spent {money(self.spent_usd)} USD, about {money(more)} more; "
            f"every answer received is stored; continue: seedling run runtime.max_cost_usd={advised:g}"
        )

    def close(self) -> None:
        """Reserve no more; attempts that wait for money are cancelled."""
        self._closed = True
        self._settled.set()

    @property
    def _dearer(self) -> float:
        """How many times its estimate an answer costs, going by the dearest of the last ones; at least 1."""
        return max(1.0, max(self._ratios, default=1.0))

    async def _reserve(self, estimate: float) -> int:
        """Reserve money for one attempt and return the amount, which the last answers may have raised meanwhile."""
        while not self._take(amount := round(estimate * self._dearer * _NANO)):
            if not self._in_flight:
                raise CapReachedError("the cap is reached")
            self._settled.clear()
            await self._settled.wait()
            if self._closed:
                raise asyncio.CancelledError
        self._in_flight += 1
        self._reserved += amount
        return amount

    def _take(self, amount: int) -> bool:
        """Reserve an amount if the cap allows it, also if everything in flight should cost as much as is feared.

        Without that fear 64 requests would be in flight before the first answer shows that the estimates are too low.
        A request is always let through alone, whatever is feared.
        """
        cap = None if self.max_cost_usd is None else round(self.max_cost_usd * _NANO)
        feared = max(1.0, _SUSPECTED / (1 + len(self._ratios)) / self._dearer)
        margin = round((feared - 1) * (self._reserved + amount)) if self._in_flight else 0
        taken = self._database.execute(
            "UPDATE runs SET reserved = reserved + :amount "
            "WHERE run = :run AND (:cap IS NULL OR spent + reserved + :amount + :margin <= :cap)",
            {"amount": amount, "run": self._run, "cap": cap, "margin": margin},
        )
        return taken.rowcount == 1

    def _settle(self, reserved: int, spent: int) -> None:
        self._in_flight -= 1
        self._reserved -= reserved
        self._settled.set()
        self._database.execute(
            "UPDATE runs SET reserved = reserved - ?, spent = spent + ? WHERE run = ?", (reserved, spent, self._run)
        )


def last_commands(database: Database, count: int) -> list[tuple[int, float, float]]:
    """Return when each of the last commands that paid began, what it spent, and what it still holds reserved, in USD.

    Reservations that remain are of attempts in flight, or cut off by a kill: the provider may have charged for them.
    """
    rows = database.execute("SELECT began, spent, reserved FROM runs ORDER BY began DESC, run LIMIT ?", (count,))
    return [(began, spent / _NANO, reserved / _NANO) for began, spent, reserved in rows]


def money(usd: float) -> str:
    """Return an amount with two decimals, a small one with four: 4.98, 0.0031."""
    return f"{usd:.2f}" if usd >= 0.1 or not usd else f"{usd:.4f}"


def _rounded_up(usd: float) -> float:
    """Return an amount rounded up to one digit: 4.40 -> 5, 0.0123 -> 0.02."""
    step = 10.0 ** math.floor(math.log10(usd)) if usd else 1.0
    return math.ceil(round(usd / step, 9)) * step
