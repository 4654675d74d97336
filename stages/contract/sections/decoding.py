"""The keys that the sections of the three model stages share."""

from typing import Annotated

from pydantic import Field

from stages.contract.sections.base import Fraction, Penalty, Section, Text
from stages.contract.sections.llm import Llm


class Decoding(Section):
    """The model of a stage, its decoding parameters (null means not sent), and the share to keep without a warning."""

    llm: Llm
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    top_p: Annotated[float, Field(gt=0, le=1)] | None
    frequency_penalty: Penalty | None
    presence_penalty: Penalty | None
    stop: Annotated[list[Text], Field(max_length=4)]
    min_kept: Fraction
