"""The section `seeds`."""

from stages.contract.sections.base import Section, Text


class Seeds(Section):
    """Where the seed tasks are."""

    path: Text
