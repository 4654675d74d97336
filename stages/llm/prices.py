"""Prices of models, and how many tokens a request may use."""

from collections.abc import Mapping
from typing import Any

from stages.contract.errors import UserError
from stages.contract.sections.llm import Llm
from stages.contract.sections.price import Price
from stages.llm.library import load_litellm
from stages.store.request import Request

_FREE = {"offline", "ollama", "ollama_chat", "hosted_vllm"}
_MILLION = 1_000_000
_PRICE = "{input_usd_per_mtok: …, cached_input_usd_per_mtok: …, output_usd_per_mtok: …}"


def own_price(llm: Llm, prices: Mapping[str, Price]) -> Price | None:
    """Return the price that `runtime.price` names for a model, else 0 if it runs on the user's machine, else None."""
    if llm.route in _FREE and llm.model not in prices:
        return Price(input_usd_per_mtok=0, cached_input_usd_per_mtok=0, output_usd_per_mtok=0)
    return prices.get(llm.model)


def listed_price(llm: Llm) -> Price | None:
    """Return the price of a model in LiteLLM's list; None if it has no single price there."""
    litellm = load_litellm()
    try:
        listed: Any = litellm.model_cost.get(litellm.get_model_info(llm.model)["key"], {})  # Any: JSON
    except litellm.exceptions.ModelNotMappedError:
        return None
    if "input_cost_per_token" not in listed or "output_cost_per_token" not in listed:  # sold by the hour or in tiers
        return None
    per_token = listed["input_cost_per_token"]
    return Price(
        input_usd_per_mtok=per_token * _MILLION,
        cached_input_usd_per_mtok=listed.get("cache_read_input_token_cost", per_token) * _MILLION,
        output_usd_per_mtok=listed["output_cost_per_token"] * _MILLION,
    )


def unknown_price(llm: Llm, max_cost_usd: float) -> UserError:
    """Return the error for a model whose price is not known, so that the cap cannot be enforced."""
    name = llm.model.replace(":", r"\:")  # Hydra reads a bare colon as the start of a mapping
    return UserError(
        f"runtime.max_cost_usd: cannot enforce the cap of {max_cost_usd:g} USD, the price of {llm.model} is not known; "
        f"add 'runtime.price={{{name}: {_PRICE}}}', or runtime.max_cost_usd=null to run without a cap"
    )


def cost_usd(price: Price, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
    """Return what an answer costs, in USD; `cached_tokens` are part of `prompt_tokens`."""
    return (
        (prompt_tokens - cached_tokens) * price.input_usd_per_mtok
        + cached_tokens * price.cached_input_usd_per_mtok
        + completion_tokens * price.output_usd_per_mtok
    ) / _MILLION


def most_tokens(request: Request) -> int:
    """Return the most tokens that a request may use: one for every two bytes of the prompt, plus `max_tokens`.

    The estimate is high on purpose: the cap must hold before the provider has counted anything.
    """
    return len(request.prompt.encode()) // 2 + int(request.parameters["max_tokens"])
