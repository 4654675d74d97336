"""Turns LiteLLM's response into the record to store, if it holds a whole answer."""

from typing import Any

from stages.contract.errors import UserError
from stages.contract.records import Answer
from stages.llm.endings import Ending, ending_of
from stages.llm.faults import IncompleteError
from stages.llm.plain import one_line, shortened
from stages.llm.reply import Reply
from stages.llm.usage import usage_of
from stages.store.request import Request


def to_answer(request: Request, response: Any, reply: Reply, refused: list[str]) -> Answer:  # Any: LiteLLM's response
    """Return the record of a response, by the rules of the table in docs/providers.md.

    The finish reason is what the provider's own word means. Stop sequences are applied here too, since some servers
    ignore them. The cost is LiteLLM's; null if it knows no price.

    Raises:
        IncompleteError: the server reports an error, sent no text, or broke off.
        UserError: the token limit was used up before the answer began; a retry would end the same.
    """
    choice = _only_choice(response, reply)
    message = choice.message if request.llm.mode == "chat" else choice
    text = _text(message.content if request.llm.mode == "chat" else message.text)
    reasoning = _text(getattr(message, "reasoning_content", None))
    words = [choice.finish_reason, *reply.ends]
    ending: Ending = "content_filter" if _is_refusal(message) else ending_of(words)
    if ending == "error":
        raise IncompleteError(f"the server broke off the answer ({_named(words)})")
    if not text.strip() and ending != "content_filter":
        _check_no_text(request, ending, reasoning, words)
    usage = usage_of(response)
    return Answer(
        key=request.key,
        model=request.llm.model,
        served_by=shortened(one_line(str(response.model or ""))),
        text=_until_stop(text, request.parameters.get("stop", [])),
        reasoning=reasoning,
        finish_reason="length" if ending == "unknown" else ending,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_usd=usage.cost_usd,
        dropped_parameters=refused,
    )


def no_answer(request: Request, finish_reason: str, refused: list[str]) -> Answer:
    """Return the record of a request that was refused because of its prompt. It is stored, and rejected later."""
    return Answer(
        key=request.key,
        model=request.llm.model,
        served_by="",
        text="",
        reasoning="",
        finish_reason=finish_reason,
        prompt_tokens=0,
        cached_tokens=0,
        completion_tokens=0,
        reasoning_tokens=0,
        cost_usd=0.0,
        dropped_parameters=refused,
    )


def _only_choice(response: Any, reply: Reply) -> Any:  # Any: LiteLLM's response
    if reply.error:
        raise IncompleteError("the server reports an error in place of an answer")
    choices = response.choices or []
    if len(choices) != 1:
        raise IncompleteError(f"{len(choices)} choices in the reply instead of one")
    return choices[0]


def _is_refusal(message: Any) -> bool:  # Any: LiteLLM's message
    """Return True if the model refused in OpenAI's field for refusals."""
    fields = getattr(message, "provider_specific_fields", None) or {}
    refusal = getattr(message, "refusal", None) or fields.get("refusal")
    return isinstance(refusal, str) and bool(refusal.strip())


def _check_no_text(request: Request, ending: Ending, reasoning: str, words: list[object]) -> None:
    """Raise the error for a reply without text, unless a stop sequence may have come first.

    In that case the server did as it was asked, and a base model at temperature 0 would answer the same again.
    """
    if ending == "length":
        limit = request.parameters["max_tokens"]
        raise UserError(
            f"{request.llm.model}: used up its {limit} tokens before the answer began; raise llm.reasoning_tokens "
            "(if the model reasons) or the stage's max_tokens"
        )
    if reasoning.strip():
        raise IncompleteError(f"reasoning but no answer ({_named(words)})")
    if ending == "unknown" or not request.parameters.get("stop"):
        raise IncompleteError(f"no text in the answer ({_named(words)})")


def _named(words: list[object]) -> str:
    """Return the finish reason to show: the provider's own, or LiteLLM's if there is none."""
    return f"finish_reason {shortened(one_line(str(words[-1])), 40)}"


def _text(content: object) -> str:
    """Return a text with U+FFFD for lone surrogates (half characters): JSON may hold them, UTF-8 cannot.

    Raises:
        IncompleteError: it is not a text.
    """
    if not isinstance(content, str | None):
        raise IncompleteError(f"{type(content).__name__} in place of a text in the reply")
    return (content or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _until_stop(text: str, stops: list[str]) -> str:
    return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]
