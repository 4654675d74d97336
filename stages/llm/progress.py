"""What a user sees of a stage that asks a model: before, while and after it spends money."""

import math
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Never

from stages.contract.records import Answer
from stages.llm.budget import Budget, money
from stages.llm.changes import changed_since_lock
from stages.llm.prices import cost_usd
from stages.llm.work import Work

if TYPE_CHECKING:
    from tqdm import tqdm

_QUIET_SECONDS = 5.0  # at least, between two lines without a terminal
_REDRAWN_SECONDS = 0.1  # at least, between two updates of the bar
_NOTABLE_PAUSE_SECONDS, _NOTABLE_WAIT_SECONDS = 2.0, 10.0
_LISTED_CHANGES = 5
_BAR = "{desc}: {n_fmt}/{total_fmt}, {remaining} left{postfix} |{bar}|"  # the bar comes last: tqdm cuts off the end


class _Sum:
    """A count of answers, with their tokens and costs."""

    def __init__(self) -> None:
        self.answers = self.prompt_tokens = self.cached_tokens = self.completion_tokens = 0
        self.cost_usd = 0.0

    def add(self, answer: Answer) -> None:
        self.answers += 1
        self.prompt_tokens += answer.prompt_tokens
        self.cached_tokens += answer.cached_tokens
        self.completion_tokens += answer.completion_tokens
        self.cost_usd += answer.cost_usd or 0.0


class Progress:
    """Counts requests and reports progress on stderr, from the first request that is not stored; a replay is silent.

    On a terminal it draws one bar. Elsewhere it prints a line for each 10 %, at most one in five seconds.
    """

    def __init__(self, name: str, work: Work, pipeline: str) -> None:
        self._name = name
        self._work = work
        self._pipeline = pipeline
        self._stored, self._bought = _Sum(), _Sum()
        self._sent = self._failed = self._commits = self._tenths = 0
        self._budget: Budget | None = None
        self._began = self._said = 0.0
        self._said_waiting = -math.inf
        self._bar: tqdm[Never] | None = None

    def replayed(self, answer: Answer) -> None:
        """Count an answer that was stored."""
        self._stored.add(answer)

    def begin(self, budget: Budget) -> None:
        """Say before the first new request what was stored, what the rest may cost, and what changed."""
        self._budget = budget
        calls = self._calls_left()
        cap = f" (cap {budget.max_cost_usd:g} USD)" if budget.most_usd and budget.max_cost_usd is not None else ""
        self._say(
            f"{self._stored.answers:,} stored answers applied, about {calls:,} new calls, "
            f"{self._expected_cost(calls, budget)}{cap}"
        )
        if changes := changed_since_lock(self._name, self._pipeline):
            more = f" and {len(changes) - _LISTED_CHANGES} more" if len(changes) > _LISTED_CHANGES else ""
            self._say(f"changed since dvc.lock: {', '.join(changes[:_LISTED_CHANGES])}{more}")
        self._began = self._said = time.monotonic()
        if sys.stderr.isatty():
            self._bar = self._new_bar()

    def sent(self) -> None:
        """Count an attempt."""
        self._sent += 1

    def failed(self) -> None:
        """Count a failed attempt."""
        self._failed += 1

    def answered(self, answer: Answer) -> None:
        """Count a new answer."""
        self._bought.add(answer)

    def paused(self, seconds: float, why: str) -> None:
        """Say that no request starts for a while, if it is long enough for a user to wonder."""
        if seconds >= _NOTABLE_PAUSE_SECONDS:
            self._said_waiting = time.monotonic()
            self._say(f"pausing {seconds:.0f} s: {why}")

    def waiting(self, seconds: float, why: str) -> None:
        """Say that one request waits for a while, if that is long and no such line was printed lately."""
        now = time.monotonic()
        if seconds >= _NOTABLE_WAIT_SECONDS and now - self._said_waiting > _NOTABLE_WAIT_SECONDS:
            self._said_waiting = now
            self._say(f"a request waits {seconds:.0f} s: {why}")

    def stopping(self, seconds: float) -> None:
        """Say why the stage does not end at once."""
        self._say(f"waiting up to {seconds:.0f} s for requests in flight; Ctrl-C drops them")

    def committed(self) -> None:
        """Count an answer that was committed."""
        self._commits += 1

    def show(self) -> None:
        """Show the progress, unless it was shown a moment ago."""
        now = time.monotonic()
        if not self._began or now - self._said < (_QUIET_SECONDS if self._bar is None else _REDRAWN_SECONDS):
            return
        if self._bar is not None:
            self._said = now
            self._bar.set_postfix_str(self._figures(), refresh=False)
            self._bar.update(self._work.done - self._bar.n)
        elif (tenths := 10 * self._work.done // self._work.target) > self._tenths:
            self._said, self._tenths = now, tenths
            self._say(f"{self._work.done:,} of {self._work.target:,} {self._work.unit}, {self._figures()}")

    def left(self) -> tuple[int, float]:
        """Return about how many answers are still to be paid for, and the mean cost of an answer so far in USD."""
        return self._calls_left(), self._bought.cost_usd / max(1, self._bought.answers)

    def close(self) -> None:
        """Remove the bar and print what was sent and spent, if anything was."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._sent:
            self._say(self._figures())

    def _calls_left(self) -> int:
        """Return about how many answers are still to be paid for."""
        uncommitted = self._stored.answers + self._bought.answers - self._commits
        return max(1, self._work.requests_left - uncommitted)

    def _figures(self) -> str:
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield f"{self._sent:,} requests"
        tokens = self._bought.prompt_tokens + self._bought.completion_tokens
        seconds = max(0.1, time.monotonic() - self._began)
        yield f"{tokens / seconds:,.0f} tokens/s"
        if self._budget and self._budget.most_usd:
            cap = self._budget.max_cost_usd
            yield f"{money(self._budget.spent_usd)}{'' if cap is None else f' of {cap:g}'} USD spent"
        if self._failed:
            yield f"{self._failed:,} failed"

    def _expected_cost(self, calls: int, budget: Budget) -> str:
        if budget.price is None:
            return "price not known"
        if not budget.most_usd:
            return "no cost"
        so_far = self._stored
        if not so_far.answers:
            return f"up to about {money(calls * budget.most_usd)} USD"
        cost = cost_usd(budget.price, so_far.prompt_tokens, so_far.cached_tokens, so_far.completion_tokens)
        return f"about {money(calls * cost / so_far.answers)} USD"

    def _new_bar(self) -> "tqdm[Never]":
        from tqdm import tqdm  # only where there is a terminal: its import is a tenth of a stage's start

        return tqdm(
            desc=self._name,
            total=self._work.target,
            initial=self._work.done,
            bar_format=_BAR,
            postfix=self._figures(),
            mininterval=0,  # `show` decides when to draw
            miniters=0,
            leave=False,
            file=sys.stderr,
        )

    def _say(self, text: str) -> None:
        line = f"{self._name}: {text}"
        if self._bar is None:
            print(line, file=sys.stderr)
        else:
            self._bar.write(line, file=sys.stderr)
