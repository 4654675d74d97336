"""An entry of `runtime.price`."""

from typing import Annotated

from pydantic import Field

from stages.contract.sections.base import Section


class Price(Section):
    """The price of a model for a million tokens, in USD."""

    input_usd_per_mtok: Annotated[float, Field(ge=0)]
    cached_input_usd_per_mtok: Annotated[float, Field(ge=0)]
    output_usd_per_mtok: Annotated[float, Field(ge=0)]
