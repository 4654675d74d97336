"""Checks the token counts that a server reports. No other code reads them."""

import math
from dataclasses import dataclass
from typing import Any

_MOST_TOKENS = 10_000_000  # more than any model reads or writes in one request


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer, never negative. A count that is missing or cannot be right is 0."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    """LiteLLM's cost; None if it knows no price or used a count that cannot be right."""


def usage_of(response: Any) -> Usage:  # Any: LiteLLM's response
    """Return the usage of a response.

    A wrong count must never credit the budget, as a negative one would, or more cached tokens than prompt tokens.
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
    """Return a count; 0 for anything that cannot be one, such as a text or a number below 0 or above `most`."""
    return figure if isinstance(figure, int) and 0 <= figure <= most else 0


def _cost(usd: object) -> float | None:
    """Return a cost in USD; None if it cannot be one. LiteLLM passes on any cost that OpenRouter reports."""
    return float(usd) if isinstance(usd, int | float) and math.isfinite(usd) and usd >= 0 else None


def _detail(usage: object, group: str, name: str) -> object:
    return getattr(getattr(usage, group, None), name, None)
