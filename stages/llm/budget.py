"""The cap on what one command may spend, shared by all its stages and processes."""

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

_NANO = 1_000_000_000  # money is stored in whole billionths of a USD, so that sums are exact
_FEARED = 50.0  # before the first answer, how many times its estimate a request might cost; 20 has been seen
_REMEMBERED = 100  # answers whose cost is compared with its estimate


class CapReachedError(SeedlingError):
    """The next request might cost more than what is left under the cap."""


class Charge:
    """The cost of one attempt: the reserved amount until the real cost is known."""

    def __init__(self, usd: float) -> None:
        self.usd = usd
        self.is_known = False

    def becomes(self, usd: float | None) -> None:
        """Replace the reserved amount by the real cost. None means that it is not known: the amount stays."""
        if usd is not None:
            self.usd, self.is_known = usd, True


class Budget:
    """Enforces `runtime.max_cost_usd`: reserves money before each attempt, so that all processes of a command share it.

    An attempt that may have been billed without an answer (a deadline, a kill) is charged at what was reserved for it.
    """

    def __init__(self, database: Database, runtime: Runtime) -> None:
        self._database = database
        self._own_prices = runtime.price
        self.max_cost_usd = runtime.max_cost_usd
        """The cap in USD; None for no cap."""
        self.price: Price | None = None
        """The price of the model; None where it is not known, and before `open`."""
        self._is_own_price = False
        self.most_usd = 0.0
        """The most that the first new request can cost, in USD; 0 if it is free or the price is not known."""
        self._in_flight = self._reserved = 0
        self._ratios: deque[float] = deque(maxlen=_REMEMBERED)  # cost / estimate of the last answers
        self._settled = asyncio.Event()
        self._closed = False

    def open(self, first: Request) -> None:
        """Look up the price of the model. Called at the first request that is not stored.

        Raises:
            UserError: the price is not known, so the cap cannot be enforced.
        """
        own = own_price(first.llm, self._own_prices)
        self.price, self._is_own_price = own or listed_price(first.llm), own is not None
        if self.price is None and self.max_cost_usd is not None:
            raise unknown_price(first.llm, self.max_cost_usd)
        self.most_usd = self.at_most(first)

    def at_most(self, request: Request) -> float:
        """Return the most that a request should cost, in USD; 0 if the price is not known."""
        answer = int(request.parameters["max_tokens"])
        return cost_usd(self.price, most_tokens(request) - answer, 0, answer) if self.price else 0.0

    def priced(self, answer: Answer) -> Answer:
        """Return the answer with its cost, by `runtime.price` if that names the model.

        Otherwise LiteLLM's figure stands, since LiteLLM also knows prices for cache writes, audio and long prompts. The
        cost is null if the model is not free and the server did not count its tokens.
        """
        if answer.finish_reason in NO_ANSWER and answer.cost_usd == 0 and not answer.prompt_tokens:
            return answer  # an error refused it, so it is free
        cost = answer.cost_usd
        if self.price and (self._is_own_price or cost is None):
            cost = cost_usd(self.price, answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens)
        is_counted = answer.prompt_tokens and (answer.completion_tokens or not answer.text)
        is_free = self.price and not any(dict(self.price).values())
        return answer.model_copy(update={"cost_usd": cost if is_counted or is_free else None})

    @asynccontextmanager
    async def reserved(self, request: Request) -> AsyncIterator[Charge]:
        """Reserve money for an attempt and settle its cost afterwards; wait while other attempts hold the rest.

        Raises:
            CapReachedError: the amount exceeds what is left, and nothing is in flight that could turn out cheaper.
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
        """The run id of the command. The first use adds its row to the store."""
        run = current_run()
        self._database.execute("INSERT OR IGNORE INTO runs (run, began) VALUES (?, ?)", (run, int(time.time())))
        return run

    @property
    def spent_usd(self) -> float:
        """What all stages of the command have spent so far."""
        row = self._database.execute("SELECT spent FROM runs WHERE run = ?", (self._run,)).fetchone()
        return row[0] / _NANO if row else 0.0

    def stopped(self, done: str, answers_left: int, usd_per_answer: float) -> SeedlingError:
        """Return the error that stops a command at its cap. It names the command that resumes it.

        Args:
            done: the progress so far, such as `412 of 1,000`.
            answers_left: about how many answers are still to be paid for.
            usd_per_answer: the mean cost of an answer so far; 0 if none was paid for.
        """
        more = (usd_per_answer or self.most_usd) * answers_left
        advised = _rounded_up(max(1.25 * more, self.max_cost_usd or 0))
        return SeedlingError(
            f"done {done}, spent {money(self.spent_usd)} USD, about {money(more)} more; "
            f"every answer received is stored; continue: seedling run runtime.max_cost_usd={advised:g}"
        )

    def close(self) -> None:
        """Reserve nothing more and cancel the attempts that wait for money."""
        self._closed = True
        self._settled.set()

    @property
    def _dearer(self) -> float:
        """The largest cost of a recent answer, as a multiple of its estimate; at least 1."""
        return max(1.0, max(self._ratios, default=1.0))

    async def _reserve(self, estimate: float) -> int:
        """Reserve money for one attempt and return the amount."""
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
        """Reserve an amount if the cap allows it; return False if it does not.

        Until enough answers have shown what they cost, the cap must also cover a multiple of all estimates in flight.
        Otherwise 64 requests would be in flight before the first answer shows that the estimates are too low.
        A lone request needs no such margin, or a small cap would never start.
        """
        cap = None if self.max_cost_usd is None else round(self.max_cost_usd * _NANO)
        feared = max(1.0, _FEARED / (1 + len(self._ratios)) / self._dearer)
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
    """Return the last commands that paid: when each began, what it spent and what it still holds reserved, in USD.

    What is still reserved belongs to attempts in flight or killed; the provider may have charged for them.
    """
    rows = database.execute("SELECT began, spent, reserved FROM runs ORDER BY began DESC, run LIMIT ?", (count,))
    return [(began, spent / _NANO, reserved / _NANO) for began, spent, reserved in rows]


def money(usd: float) -> str:
    """Return an amount with two decimals, or four if it is below 0.10: 4.98, 0.0031."""
    return f"{usd:.2f}" if usd >= 0.1 or not usd else f"{usd:.4f}"


def _rounded_up(usd: float) -> float:
    """Return an amount rounded up to one digit: 4.40 -> 5, 0.0123 -> 0.02."""
    step = 10.0 ** math.floor(math.log10(usd)) if usd else 1.0
    return math.ceil(round(usd / step, 9)) * step
