"""The schema of the whole of params.yaml. Stages import only the sections they read; `check` imports all of them."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from stages.contract.sections.analyze import Analyze
from stages.contract.sections.base import Section
from stages.contract.sections.classify import Classify
from stages.contract.sections.export import Export
from stages.contract.sections.filter import Filter
from stages.contract.sections.generate import Generate
from stages.contract.sections.instantiate import Instantiate
from stages.contract.sections.llm import Llm
from stages.contract.sections.prompts import Prompts
from stages.contract.sections.runtime import Runtime
from stages.contract.sections.seeds import Seeds


class Config(Section):
    """Every section, and the rule that spans several of them."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    experiment: str | None
    seeds: Seeds
    llm: Llm
    prompts: Prompts
    generate: Generate
    classify: Classify
    instantiate: Instantiate
    filter: Filter
    analyze: Analyze
    export: Export
    runtime: Runtime

    @model_validator(mode="after")
    def _prompts_fit_the_models(self) -> Self:
        sections = {"generate": self.generate, "classify": self.classify, "instantiate": self.instantiate}
        for name, section in sections.items():
            if section.llm.mode != self.prompts.mode:
                key = "llm.mode" if section.llm == self.llm else f"{name}.llm.mode"
                raise ValueError(
                    f"{name}.llm.mode is {section.llm.mode!r} but prompts.mode is {self.prompts.mode!r}; "
                    f"set {key}={self.prompts.mode} or choose prompts={section.llm.mode}"
                )
        return self
