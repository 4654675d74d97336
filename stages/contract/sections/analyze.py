"""The section `analyze`."""

from stages.contract.sections.base import Count, Section


class Analyze(Section):
    """What the report shows."""

    shown_instances: Count
    shown_rejected: Count
