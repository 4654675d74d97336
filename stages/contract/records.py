"""The records that flow between the stages, one JSON line each, in creation order.

Field names are those of the original release. Empty text is `""`, never null; null means "unknown" where a
field says so. Scores are 0 to 1, rounded to 6 decimals.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue


def _written(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty and goes into the dataset as it is; write it, or remove the task")
    return text


Score = Annotated[float, Field(ge=0, le=1)]
Written = Annotated[str, AfterValidator(_written)]
"""A text with something in it."""


class Record(BaseModel):
    """Base of all records: frozen, strict, no unknown fields, finite numbers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class InputOutput(Record):
    """One example of a task: an input (may be empty) and the output wanted for it."""

    input: str
    output: Written


class SeedTask(Record):
    """A task written by hand; the pool starts with these (format of the original release)."""

    id: Annotated[str, Field(min_length=1)]
    name: str = ""
    domain: str = ""
    """A subject such as `cooking`; empty when not given."""
    instruction: Written
    instances: Annotated[list[InputOutput], Field(min_length=1)]
    is_classification: bool


class Similar(Record):
    """A pool member close to an instruction."""

    id: str
    rouge_l: Score


class Candidate(Record):
    """An instruction as a model proposed it, with its provenance."""

    id: str
    """`ins-` and the first 12 hex digits of the instruction's sha256."""
    instruction: str
    prompted_by: list[str]
    """Ids of the tasks shown in the prompt, in the order shown."""
    focus: str
    """The focus shown in the prompt; empty when none was."""
    request_idx: int
    instruction_answer: str
    """Key of the model's answer in the store."""


class Instruction(Candidate):
    """A machine-written instruction that joined the pool."""

    most_similar: list[Similar]
    """Up to ten pool members at the moment of admission, closest first."""
    avg_similarity_score: Score
    """Mean ROUGE-L against the whole pool at the moment of admission."""


class ClassifiedInstruction(Instruction):
    """An instruction with a verdict: whether it is a classification task."""

    is_classification: bool
    raw_classification: str
    """The model's words."""
    classification_answer: str


class Task(ClassifiedInstruction):
    """An instruction with the model's words for its instances, verbatim; they are parsed in `filter`."""

    raw_instances: str
    finish_reason: str
    instances_answer: str
    model: str
    """The model asked for the instances."""


class Instance(Record):
    """One (instruction, input, output): what a model is trained on."""

    id: str
    """`<instruction id>-<n>`; n counts the task's parsed instances from 0, before any rule."""
    instruction_id: str
    instruction: str
    input: str
    output: str
    is_classification: bool
    source: Literal["seed", "machine"]
    model: str
    """The model that wrote the instance; empty for seeds."""
    flags: list[str]
    """Doubts that did not reject the instance, in alphabetical order."""


class Rejected(Record):
    """A record that a stage did not pass on."""

    stage: str
    reason: str
    """A word of the stage's closed vocabulary, such as `too_similar`."""
    detail: dict[str, JsonValue]
    """Details behind the decision: a score, the nearest id, the matched words."""
    record: dict[str, JsonValue]


class Answer(Record):
    """What a model returned for one request. Counts are tokens as the provider reports them, 0 when it does not."""

    key: str
    """sha256 of the canonical request: 64 hex digits."""
    model: str
    """The model asked."""
    served_by: str
    """The model that served the answer, in the provider's words."""
    text: str
    reasoning: str
    """Reasoning the provider returned apart from the answer."""
    finish_reason: str
    """`stop`, `length`, `content_filter`, or `context_window` where the prompt did not fit the model."""
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    """What the answer cost when it was received; null when the price of the model is not known."""
    dropped_parameters: list[str]
    """Decoding parameters of the config that this model does not accept and that were therefore not sent."""


NO_ANSWER = {"content_filter": "answer_filtered", "context_window": "prompt_too_long"}
"""Finish reason of a call that gave no answer -> the reason for rejecting its record."""
