"""The section `llm`; each model stage has one too."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stages.contract.sections.base import Count, Section, Text


class Llm(Section):
    """The model and how to reach it. Decoding parameters live in the stages."""

    provider: Text
    model: Text
    mode: Literal["chat", "completion"]
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=40)] | None
    endpoint: str
    revision: str
    send_seed: bool
    reasoning_effort: str | None
    reasoning_tokens: Count

    @property
    def route(self) -> str:
        """LiteLLM's name of the provider."""
        return self.model.partition("/")[0]

    @field_validator("model")
    @classmethod
    def _any_model_has_a_name(cls, model: str, fields: ValidationInfo) -> str:
        if fields.data.get("provider") != "any":
            return model
        route, _, name = model.partition("/")
        if route == "any":
            raise ValueError(
                "llm=any needs the name of a model, as in `seedling run llm=any "
                "llm.model=mistral/mistral-small-latest llm.api_key_env=MISTRAL_API_KEY`"
            )
        if route == "offline":
            raise ValueError("the built-in model needs its revision; choose llm=offline")
        if not route or not name:
            raise ValueError("write it as PROVIDER/NAME, such as mistral/mistral-small-latest")
        return model

    @model_validator(mode="after")
    def _model_is_of_the_provider(self) -> Self:
        # Without this rule `dvc exp run -S llm=offline` could leave a paid model, chosen earlier, in place.
        if self.provider != "any" and not self.model.startswith(f"{self.provider}/"):
            raise ValueError(
                f"llm.model {self.model!r} does not belong to llm.provider {self.provider!r}; choose the group "
                f"that fits, or write the model as {self.provider}/NAME"
            )
        return self
