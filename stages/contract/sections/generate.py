"""The section `generate`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from stages.contract.sections.base import Count, Fraction, Positive, Text
from stages.contract.sections.decoding import Decoding
from stages.contract.sections.focus import Focus
from stages.contract.sections.tokenizer import Tokenized


class Generate(Decoding, Tokenized):
    """Bootstrapping new instructions (paper, section 2.2)."""

    num_instructions: Annotated[int, Field(gt=0, le=1_000_000)]
    num_seed: Count
    num_machine: Count
    per_request: Annotated[int, Field(gt=0, le=50)]
    classification_only: bool
    domains: list[Text]
    focus: list[Focus]
    max_tokens: Positive
    window: Positive
    rouge_threshold: Fraction
    min_words: Positive
    max_words: Positive
    forbidden_words: list[Text]
    forbidden_openings: list[Text]
    plain_opening: bool
    min_acceptance: Fraction
    acceptance_requests: Positive

    @model_validator(mode="after")
    def _something_is_shown_and_wanted(self) -> Self:
        if self.num_seed + self.num_machine == 0:
            raise ValueError("generate.num_seed and generate.num_machine are both 0; a prompt must show something")
        if self.min_words > self.max_words:
            raise ValueError(f"generate.min_words {self.min_words} is above generate.max_words {self.max_words}")
        return self
