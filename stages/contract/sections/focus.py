"""An entry of `generate.focus`."""

from typing import Annotated

from pydantic import Field

from stages.contract.sections.base import Section, Text


class Focus(Section):
    """A kind of task wanted, and how often it is asked for relative to the others."""

    text: Text
    weight: Annotated[float, Field(gt=0)]
