"""The section `instantiate`."""

from typing import Annotated

from pydantic import Field

from stages.contract.sections.base import Positive
from stages.contract.sections.decoding import Decoding


class Instantiate(Decoding):
    """Writing instances, input first or output first (paper, section 2.2)."""

    instances_per_task: Annotated[int, Field(gt=0, le=20)]
    instances_per_classification_task: Annotated[int, Field(gt=0, le=20)]
    max_tokens_per_instance: Positive
