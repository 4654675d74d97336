"""The section `filter`."""

from typing import Literal

from stages.contract.sections.base import Fraction, Positive, Section


class Filter(Section):
    """Which instances are kept (paper, section 2.2)."""

    rouge_threshold: Fraction | None
    max_instances_per_task: Positive | None
    drop_flags: list[Literal["input_missing", "output_repeats"]]
    min_kept: Fraction
