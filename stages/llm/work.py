"""What a stage wants of a model: the requests it makes and what it does with the answers."""

from typing import Protocol

from stages.contract.records import Answer
from stages.store.request import Request


class Work(Protocol):
    """Requests in an order, of which each may depend on the answers to earlier ones."""

    unit: str
    """What is counted: instructions, answers."""

    @property
    def target(self) -> int:
        """How many are wanted."""

    @property
    def done(self) -> int:
        """How many there are."""

    @property
    def requests_left(self) -> int:
        """About how many answers more it takes."""

    def may_launch(self, index: int, committed: int) -> bool:
        """Whether request `index` may be made after so many commits.

        True when nothing is under way and work is left.
        """

    def prepare(self, index: int) -> Request:
        """Make request `index`; called in order."""

    def commit(self, index: int, answer: Answer) -> bool:
        """Take the answer to request `index`, in order; True ends the run."""
