"""The shape of every table of rules, and how it is applied."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Subject = TypeVar("Subject")
Rules = Mapping[str, Callable[[Subject], str]]
"""Reason -> what in a subject breaks the rule, empty where nothing does."""


def broken(rules: Rules[Subject], subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield (reason, what breaks it) of each rule that a subject breaks, in the order of the table."""
    for reason, rule in rules.items():
        if found := rule(subject):
            yield reason, found
