"""The type of every table of rules, and the function that applies one."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Subject = TypeVar("Subject")
Rules = Mapping[str, Callable[[Subject], str]]
"""Reason -> function that returns what in a subject breaks the rule; empty if nothing does."""


def broken(rules: Rules[Subject], subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield (reason, what breaks the rule) for each rule that a subject breaks, in the order of the table."""
    for reason, rule in rules.items():
        if found := rule(subject):
            yield reason, found
