"""From LiteLLM's response to the record that is kept."""

from typing import Any

from stages.contract.errors import UserError
from stages.contract.records import Answer
from stages.store.request import Request


def to_answer(request: Request, response: Any, refused: list[str]) -> Answer:  # Any: LiteLLM's response
    """Return the record of a response; stop sequences are applied here too, since some servers ignore them.

    The cost is LiteLLM's, null where it knows no price.

    Raises:
        ValueError: the response has no choice, or no text without a reason for it.
        UserError: the token limit left no room for an answer; asking again would end the same.
    """
    if len(response.choices) != 1:
        raise ValueError(f"{len(response.choices)} choices instead of one")
    choice = response.choices[0]
    message = choice.message if request.llm.mode == "chat" else choice
    text = message.content if request.llm.mode == "chat" else message.text
    finish_reason = choice.finish_reason or "stop"
    if text is None and finish_reason not in ("length", "content_filter"):
        raise ValueError(f"no text and finish_reason {finish_reason!r}")
    if not text and finish_reason == "length":
        limit = request.parameters["max_tokens"]
        raise UserError(
            f"{request.llm.model}: used up its {limit} tokens before the answer began; raise llm.reasoning_tokens "
            "(a model that reasons) or max_tokens of the stage"
        )
    usage, cost = response.usage, response._hidden_params.get("response_cost")
    return Answer(
        key=request.key,
        model=request.llm.model,
        served_by=response.model or "",
        text=_until_stop(_whole(text or ""), request.parameters.get("stop", [])),
        reasoning=_whole(getattr(message, "reasoning_content", None) or ""),
        finish_reason=finish_reason if finish_reason in ("length", "content_filter") else "stop",
        prompt_tokens=usage.prompt_tokens or 0,
        cached_tokens=_detail(usage, "prompt_tokens_details", "cached_tokens"),
        completion_tokens=usage.completion_tokens or 0,
        reasoning_tokens=_detail(usage, "completion_tokens_details", "reasoning_tokens"),
        cost_usd=None if cost is None else float(cost),
        dropped_parameters=refused,
    )


def no_answer(request: Request, finish_reason: str, refused: list[str]) -> Answer:
    """Return the record of a request that the model refuses for what it says: kept, replayed, and rejected later."""
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


def _whole(text: str) -> str:
    """Return a text with U+FFFD for half characters (lone surrogates), which JSON may hold and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _until_stop(text: str, stops: list[str]) -> str:
    return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]


def _detail(usage: Any, group: str, name: str) -> int:  # Any: LiteLLM's usage
    return getattr(getattr(usage, group, None), name, None) or 0
