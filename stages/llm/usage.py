"""The tokens that a server says an answer took: the one place where its figures are checked."""

import math
from dataclasses import dataclass
from typing import Any

_MOST_TOKENS = 10_000_000  # no model takes or writes more in one request; a greater figure is a fault of the server


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer, never negative; a figure that is missing or cannot be right is 0."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    """The cost by LiteLLM; None where it knows no price or where it reckoned with a figure that cannot be right."""


def usage_of(response: Any) -> Usage:  # Any: LiteLLM's response
    """Return the usage of a response.

    A wrong figure must never credit the budget: a negative one would, and so would more cached tokens than tokens.
    """
    said = getattr(response, "usage", None)
    prompt, completion = getattr(said, "prompt_tokens", None), getattr(said, "completion_tokens", None)
    cached = _detail(said, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(said, "completion_tokens_details", "reasoning_tokens")
    most_cached, most_reasoning = _tokens(prompt, _MOST_TOKENS), _tokens(completion, _MOST_TOKENS)
    usage = Usage(
        prompt_tokens=most_cached,
        cached_tokens=_tokens(cached, most_cached),
        completion_tokens=most_reasoning,
        reasoning_tokens=_tokens(reasoning, most_reasoning),
        cost_usd=_cost(response._hidden_params.get("response_cost")),
    )
    figures = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.reasoning_tokens)
    is_sound = figures == tuple(figure or 0 for figure in (prompt, cached, completion, reasoning))
    return usage if is_sound else Usage(*figures, cost_usd=None)


def _tokens(figure: object, most: int) -> int:
    """Return a number of tokens; 0 for what is none, such as a negative one, one above `most`, a text or a NaN."""
    return figure if isinstance(figure, int) and 0 <= figure <= most else 0


def _cost(usd: object) -> float | None:
    """Return a cost in USD, None for what is none: LiteLLM passes on whatever OpenRouter says that it charged."""
    return float(usd) if isinstance(usd, int | float) and math.isfinite(usd) and usd >= 0 else None


def _detail(usage: object, group: str, name: str) -> object:
    return getattr(getattr(usage, group, None), name, None)
