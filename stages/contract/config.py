"""The shape of params.yaml: every key, its unit and its range. Defaults live in conf/ and nowhere else."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Text = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """Base of all sections: frozen, strict, no unknown keys, finite numbers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Llm(Section):
    """Which model is asked and how it is reached; decoding belongs to the stages."""

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
        if self.provider != "any" and not self.model.startswith(f"{self.provider}/"):
            raise ValueError(
                f"llm.model {self.model!r} is not of llm.provider {self.provider!r}; choose the group that fits, "
                f"or write the model as {self.provider}/NAME"
            )
        return self


class Decoding(Section):
    """What the three model stages share: the model and how its words are drawn; null means not sent."""

    llm: Llm
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    top_p: Annotated[float, Field(gt=0, le=1)] | None
    frequency_penalty: Penalty | None
    presence_penalty: Penalty | None
    stop: Annotated[list[Text], Field(max_length=4)]


class Focus(Section):
    """A kind of task wanted, and how often it is asked for relative to the others."""

    text: Text
    weight: Annotated[float, Field(gt=0)]


class Seeds(Section):
    """Where the seed tasks are."""

    path: Text


class Prompts(Section):
    """The template of each prompt and the mode of the models they are written for."""

    mode: Literal["chat", "completion"]
    generate: Text
    generate_classification: Text
    classify: Text
    input_first: Text
    output_first: Text


class Generate(Decoding):
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
    tokenizer: Literal["rouge", "unicode"]
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


class Classify(Decoding):
    """Telling classification tasks from others (paper, section 2.2)."""

    max_tokens: Positive


class Instantiate(Decoding):
    """Writing instances, input first or output first (paper, section 2.2)."""

    instances_per_task: Annotated[int, Field(gt=0, le=20)]
    instances_per_classification_task: Annotated[int, Field(gt=0, le=20)]
    max_tokens_per_instance: Positive


class Filter(Section):
    """Which instances are kept (paper, section 2.2)."""

    rouge_threshold: Fraction | None
    max_instances_per_task: Positive | None
    drop_flags: list[Literal["input_missing", "output_repeats"]]


class Analyze(Section):
    """What the report shows."""

    shown_instances: Count
    shown_rejected: Count


class Export(Section):
    """Which files are written for training."""

    formats: Annotated[list[Literal["alpaca", "chat"]], Field(min_length=1)]
    validation_fraction: Fraction
    include_seeds: bool


def _carries_no_secret(url: str) -> str:
    if "@" in url or "?" in url:
        raise ValueError("a URL with '@' or '?' may carry a key; name the key's variable in llm.api_key_env instead")
    return url


def _as_list(value: Any) -> Any:  # Any: what YAML holds
    return [] if value is None else [value] if isinstance(value, str) else value


Url = Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_carries_no_secret)]


class Price(Section):
    """What a model takes for a million tokens, in USD."""

    input_usd_per_mtok: Annotated[float, Field(ge=0)]
    cached_input_usd_per_mtok: Annotated[float, Field(ge=0)]
    output_usd_per_mtok: Annotated[float, Field(ge=0)]


class Runtime(Section):
    """How requests are sent. Tracked by no stage: nothing here changes a byte of the data."""

    api_base: Annotated[list[Url], BeforeValidator(_as_list)]
    concurrency: Annotated[int, Field(gt=0, le=1024)]
    rpm: Positive | None
    tpm: Positive | None
    deadline_seconds: Annotated[float, Field(gt=0)]
    attempts: Annotated[int, Field(gt=0, le=20)]
    overload_seconds: Annotated[float, Field(gt=0)]
    grace_seconds: Annotated[float, Field(ge=0)]
    max_cost_usd: Annotated[float, Field(ge=0)] | None
    price: dict[str, Price]
    workers: Annotated[int, Field(gt=0, le=256)]
    answers_dir: str | None


class Config(Section):
    """The whole of params.yaml."""

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
        for name in ("generate", "classify", "instantiate"):
            mode = getattr(self, name).llm.mode
            if mode != self.prompts.mode:
                key = "llm.mode" if getattr(self, name).llm == self.llm else f"{name}.llm.mode"
                raise ValueError(
                    f"{name}.llm.mode is {mode!r} but prompts.mode is {self.prompts.mode!r}; "
                    f"set {key}={self.prompts.mode} or choose prompts={mode}"
                )
        return self


def masked(config: Config, declared: list[str]) -> Config:
    """Return the config with the declared keys alone; reading another raises AttributeError.

    What DVC tracks and what the code uses cannot diverge then. A key may be dotted (`prompts.classify`).
    """
    view: dict[str, Any] = {}  # Any: sections or parts of them
    for key in declared:
        section, _, field = key.partition(".")
        value = getattr(config, section)
        if field:
            known = view[section].__dict__ if section in view else {}
            value = type(value).model_construct(**known, **{field: getattr(value, field)})
        view[section] = value
    return Config.model_construct(**view)
