"""What a stage does with a model: the requests it makes and what becomes of the answers."""

from typing import Protocol

from stages.contract.records import Answer
from stages.store.request import Request


class Work(Protocol):
    """Requests in order. Each may depend on the answers to earlier ones."""

    unit: str
    """What `target` and `done` count, such as instructions or answers."""

    @property
    def target(self) -> int:
        """How many units the stage wants."""

    @property
    def done(self) -> int:
        """How many units it has."""

    @property
    def requests_left(self) -> int:
        """About how many more answers it needs."""

    def may_launch(self, index: int, committed: int) -> bool:
        """Return True if request `index` can be made after so many commits.

        Always True if nothing is in flight and work is left.
        """

    def prepare(self, index: int) -> Request:
        """Return request `index`. Called in order."""

    def commit(self, index: int, answer: Answer) -> bool:
        """Use the answer to request `index`. Called in order; True ends the run."""
