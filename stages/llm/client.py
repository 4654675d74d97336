"""The way to a model: store, parameter check, LiteLLM, one layer of retries. Plain records go in and come out."""

import asyncio
import logging
import os
import random
from typing import Any

from stages.contract.config import Runtime
from stages.contract.errors import SeedlingError, UserError
from stages.contract.records import Answer
from stages.llm.answers import AnswerStore, Request
from stages.llm.limits import Limit

log = logging.getLogger(__name__)

_NEVER_RETRIED = {400, 401, 403, 404, 405, 413, 422}
_FREE_PROVIDERS = {"offline", "ollama", "ollama_chat", "hosted_vllm"}
_LONGEST_PAUSE_SECONDS = 60.0


class Client:
    """Answers requests from the store, or from the model and then into the store.

    litellm is imported at the first request that is not stored: a replay needs none of it, nor a key.
    """

    def __init__(self, runtime: Runtime, store: AnswerStore, limit: Limit) -> None:
        self._runtime = runtime
        self._store = store
        self._limit = limit
        self._refused: list[str] | None = None
        self._jitter = random.Random()  # noqa: S311  spreads retries; touches no data

    async def complete(self, request: Request) -> Answer:
        """Return the answer to a request.

        Raises:
            UserError: the provider refuses the request, the key is missing, or the model is unknown.
            SeedlingError: no answer came within the deadline or the attempts.
        """
        if stored := self._store.get(request.key):
            return stored
        async with self._limit:
            answer = await self._ask(request)
        return self._store.put(request, answer)

    async def _ask(self, request: Request) -> Answer:
        api_key = _api_key(request)
        if self._refused is None:
            self._refused = refused_parameters(request)
            if request.llm.mode == "completion":
                _share_connections()
        last, pause = "nothing", 0.0
        for attempt in range(self._runtime.attempts):
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(self._runtime.deadline_seconds):
                    response = await _send(request, self._refused, self._runtime.api_base, api_key)
                return to_answer(request, response, self._refused)
            except _failures() as error:
                if reason := _refusal(error):
                    return no_answer(request, reason, self._refused)
                last = _describe(error, api_key)
                if _status(error) in _NEVER_RETRIED:
                    raise UserError(f"{request.llm.model}: refused the request: {last}") from None
                log.info("attempt %d at %s: %s", attempt + 1, request.llm.model, last)
                pause = self._pause(attempt, error)
        raise SeedlingError(
            f"{request.llm.model}: no answer in {self._runtime.attempts} attempts, last: {last}; run again later, "
            "every answer received is stored"
        )

    def _pause(self, attempt: int, error: Exception) -> float:
        headers: Any = getattr(error, "litellm_response_headers", None) or {}  # Any: httpx headers or a dict
        try:
            return min(max(0.0, float(headers.get("retry-after", ""))), _LONGEST_PAUSE_SECONDS)  # 0 for "nan" too
        except ValueError:
            return self._jitter.uniform(0, min(0.5 * 2**attempt, _LONGEST_PAUSE_SECONDS))

    async def close(self) -> None:
        """Close LiteLLM's connections, if any were opened."""
        if self._refused is None:
            return
        litellm = _litellm()
        await litellm.close_litellm_async_clients()
        if litellm.aclient_session is not None:
            await litellm.aclient_session.aclose()
            litellm.aclient_session = None


def _litellm() -> Any:  # Any: litellm's own annotations are partial
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no network at import, prices of the lock
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def _share_connections() -> None:
    """Let text completions share their connections: LiteLLM opens one for each and leaves it open."""
    import httpx

    no_limit = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    _litellm().aclient_session = httpx.AsyncClient(limits=no_limit, follow_redirects=True)


def _failures() -> tuple[type[Exception], ...]:
    """Return what a call may raise: LiteLLM's errors are openai's, and some broken answers are bare ones."""
    import openai

    return openai.OpenAIError, TimeoutError, IndexError, ValueError


def _api_key(request: Request) -> str | None:
    name = request.llm.api_key_env
    if name and not os.environ.get(name):
        raise UserError(f"llm.api_key_env: the variable {name} is not set; export {name}=… and run again")
    return os.environ[name] if name else None


def refused_parameters(request: Request) -> list[str]:
    """Return the decoding parameters that the model does not accept with the values they have."""
    litellm = _litellm()
    if request.llm.provider == "offline":
        from stages.llm.offline.provider import register

        register()
        return []
    name = request.llm.model.removeprefix(f"{request.llm.provider}/")
    refused = []
    for parameter, value in request.parameters.items():
        try:
            litellm.get_optional_params(model=name, custom_llm_provider=request.llm.provider, **{parameter: value})
        except litellm.UnsupportedParamsError:
            refused.append(parameter)
            log.warning("%s does not accept %s=%r: not sent", request.llm.model, parameter, value)
    return refused


async def _send(request: Request, refused: list[str], api_base: str | None, api_key: str | None) -> Any:
    litellm = _litellm()
    parameters = {name: value for name, value in request.parameters.items() if name not in refused}
    common = {
        "model": request.llm.model,
        "api_base": None if request.llm.provider == "offline" else api_base,
        "api_key": api_key,
        "num_retries": 0,
        "max_retries": 0,
        **parameters,
    }
    if request.llm.mode == "chat":
        return await litellm.acompletion(messages=[{"role": "user", "content": request.prompt}], **common)
    return await litellm.atext_completion(prompt=request.prompt, **common)


def to_answer(request: Request, response: Any, refused: list[str]) -> Answer:  # Any: LiteLLM's response
    """Return the record of a response; stop sequences are applied here too, since some servers ignore them.

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
    usage = response.usage
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
        cost_usd=_cost(request, response),
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


def _cost(request: Request, response: Any) -> float | None:  # Any: LiteLLM's response
    if request.llm.provider in _FREE_PROVIDERS:
        return 0.0
    cost = response._hidden_params.get("response_cost")
    return None if cost is None else float(cost)


def _refusal(error: Exception) -> str:
    """Return the finish reason of an error that lies in the request's words, empty for any other error."""
    exceptions = _litellm().exceptions
    if isinstance(error, exceptions.ContextWindowExceededError):
        return "context_window"
    return "content_filter" if isinstance(error, exceptions.ContentPolicyViolationError) else ""


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _describe(error: Exception, api_key: str | None) -> str:
    """Return the error in one line of at most 300 characters, the key blotted out where a server echoes it."""
    text = f"{type(error).__name__} {' '.join(str(error).split())}"
    return (text.replace(api_key, "***") if api_key else text)[:300]
