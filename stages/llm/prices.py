"""What a model takes, and what a request may cost at most."""

from typing import Any

from stages.contract.config import Llm, Price, Runtime
from stages.contract.errors import UserError
from stages.llm.request import Request

_FREE = {"offline", "ollama", "ollama_chat", "hosted_vllm"}
_MILLION = 1_000_000
_PRICE = "{input_usd_per_mtok: …, cached_input_usd_per_mtok: …, output_usd_per_mtok: …}"


def own_price(llm: Llm, runtime: Runtime) -> Price | None:
    """Return the price of a model that `runtime.price` names or that runs on one's own machine, else None."""
    if llm.route in _FREE and llm.model not in runtime.price:
        return Price(input_usd_per_mtok=0, cached_input_usd_per_mtok=0, output_usd_per_mtok=0)
    return runtime.price.get(llm.model)


def listed_price(llm: Llm) -> Price | None:
    """Return the price of a model in LiteLLM's list, None where it is not listed."""
    import litellm

    try:
        listed: Any = litellm.model_cost.get(litellm.get_model_info(llm.model)["key"], {})  # Any: JSON
    except litellm.exceptions.ModelNotMappedError:
        return None
    if "input_cost_per_token" not in listed or "output_cost_per_token" not in listed:  # sold by the hour, in tiers
        return None
    per_token = listed["input_cost_per_token"]
    return Price(
        input_usd_per_mtok=per_token * _MILLION,
        cached_input_usd_per_mtok=listed.get("cache_read_input_token_cost", per_token) * _MILLION,
        output_usd_per_mtok=listed["output_cost_per_token"] * _MILLION,
    )


def find_price(llm: Llm, runtime: Runtime) -> Price | None:
    """Return what a model takes, None where nobody knows.

    Raises:
        UserError: nobody knows, and there is a cap to keep.
    """
    price = own_price(llm, runtime) or listed_price(llm)
    if price is None and runtime.max_cost_usd is not None:
        name = llm.model.replace(":", r"\:")
        raise UserError(
            f"runtime.max_cost_usd: {runtime.max_cost_usd:g} cannot be kept, the price of {llm.model} is not known; "
            f"add 'runtime.price={{{name}: {_PRICE}}}', or runtime.max_cost_usd=null to pay without a cap"
        )
    return price


def cost_usd(price: Price, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
    """Return what so many tokens cost."""
    return (
        (prompt_tokens - cached_tokens) * price.input_usd_per_mtok
        + cached_tokens * price.cached_input_usd_per_mtok
        + completion_tokens * price.output_usd_per_mtok
    ) / _MILLION


def most_tokens(request: Request) -> int:
    """Return how many tokens a request may take: two bytes of the prompt each, and all of the answer's limit."""
    return len(request.prompt.encode()) // 2 + int(request.parameters["max_tokens"])


def most_usd(request: Request, price: Price | None) -> float:
    """Return what a request may cost at most; 0 when the price is not known."""
    answer = int(request.parameters["max_tokens"])
    return cost_usd(price, most_tokens(request) - answer, 0, answer) if price else 0.0
