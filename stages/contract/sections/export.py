"""The section `export`."""

from typing import Annotated, Literal

from pydantic import Field

from stages.contract.sections.base import Fraction, Section


class Export(Section):
    """Which files are written for training."""

    formats: Annotated[list[Literal["alpaca", "chat"]], Field(min_length=1)]
    validation_fraction: Fraction
    include_seeds: bool
