"""The section `runtime`."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from stages.contract.sections.base import Positive, Section
from stages.contract.sections.price import Price


def _carries_no_secret(url: str) -> str:
    if "@" in url or "?" in url:
        raise ValueError("a URL with '@' or '?' may carry a key; name the key's variable in llm.api_key_env instead")
    return url


def _as_list(value: Any) -> Any:  # Any: what YAML holds
    return [] if value is None else [value] if isinstance(value, str) else value


Url = Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_carries_no_secret)]


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
