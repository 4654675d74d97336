"""Sends requests through LiteLLM. Nothing outside this room sees LiteLLM's types or errors."""

import asyncio
import difflib
import hashlib
import itertools
import logging
import os
from collections.abc import Mapping
from typing import Any

from stages.contract.dotted import as_typed
from stages.contract.errors import UserError
from stages.contract.records import Answer
from stages.contract.sections.llm import Llm
from stages.contract.sections.runtime import Runtime
from stages.llm.faults import expected_errors, fault_of, refusal_of_words
from stages.llm.library import load_litellm
from stages.llm.reply import Reply
from stages.llm.response import no_answer, to_answer
from stages.llm.secrets import Secrets
from stages.store.request import Request

log = logging.getLogger(__name__)
_SIGN_BY_THEMSELVES = {"bedrock", "sagemaker", "vertex_ai"}  # with the keys of their cloud, not with an API key


class Wire:
    """The connection to the model of a stage, opened at the first request that is not stored.

    Raises:
        UserError: the key is missing or malformed, or LiteLLM does not know the provider.
    """

    def __init__(self, runtime: Runtime, request: Request) -> None:
        self._litellm = load_litellm()
        self._llm = request.llm
        self._refuse_unknown_provider()
        self._deadline_seconds = runtime.deadline_seconds
        self._key = _api_key(request.llm)
        self._secrets = Secrets(self._key)
        self._servers = itertools.cycle(runtime.api_base or [None])
        self._failed: dict[str, str | None] = {}
        self._refused: list[str] = refused_parameters(request)
        if request.llm.mode == "completion":
            self._share_connections()

    async def ask(self, request: Request) -> Answer:
        """Send a request once and return the answer. A prompt that the provider refuses has an answer without text.

        Raises:
            AttemptError: no answer came within the deadline, which runs from sending to the last byte.
            UserError: the token limit was used up before the answer began.
        """
        server, reply = self._next_server(request.key), Reply()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                response = await self._send(request, server, reply)
            answer = to_answer(request, response, reply, self._refused)
        except expected_errors() as error:
            self._failed[request.key] = server
            if reason := refusal_of_words(error, reply, request.prompt):
                return no_answer(request, reason, self._refused)
            raise fault_of(error, reply, request.prompt, self._secrets) from None  # LiteLLM's frames hold the key
        said = {name: self._secrets.blotted(getattr(answer, name)) for name in ("text", "reasoning", "served_by")}
        return answer.model_copy(update=said)

    async def close(self) -> None:
        """Close the connections."""
        await self._litellm.close_litellm_async_clients()
        if self._litellm.aclient_session is not None:
            await self._litellm.aclient_session.aclose()
            self._litellm.aclient_session = None

    def _next_server(self, key: str) -> str | None:
        """Return the server whose turn it is, or the next one if that server has just failed this request."""
        server = next(self._servers)
        return next(self._servers) if server == self._failed.pop(key, "") else server

    async def _send(self, request: Request, server: str | None, reply: Reply) -> Any:  # Any: LiteLLM's response
        parameters = {name: value for name, value in request.parameters.items() if name not in self._refused}
        if "seed" in parameters:
            parameters["seed"] = sent_seed(request)
        common = {
            "model": self._llm.model,
            "api_base": server,
            "api_key": self._key or self._no_key(server),
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self._deadline_seconds,  # LiteLLM's own is 600 s
            "logger_fn": reply.hear,
            **parameters,
        }
        if self._llm.mode == "chat":
            messages = [{"role": "user", "content": request.prompt}]
            return await self._litellm.acompletion(messages=messages, **common)
        return await self._litellm.atext_completion(prompt=request.prompt, **common)

    def _no_key(self, server: str | None) -> str | None:
        """Return a placeholder key for a user's own server, or LiteLLM would send it one from the environment."""
        return "none" if server and self._llm.route not in _SIGN_BY_THEMSELVES else None

    def _refuse_unknown_provider(self) -> None:
        own = [entry["provider"] for entry in self._litellm.custom_provider_map]
        known = [*own, *(getattr(name, "value", name) for name in self._litellm.provider_list)]
        if self._llm.route not in known:
            close = difflib.get_close_matches(self._llm.route, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see docs/providers.md"
            raise UserError(f"llm.model: LiteLLM knows no provider {self._llm.route!r} ({self._llm.model!r}); {hint}")

    def _share_connections(self) -> None:
        """Let text completions share connections: LiteLLM 1.106.2 opens one for each request and never closes it."""
        import httpx

        no_limit = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._litellm.aclient_session = httpx.AsyncClient(limits=no_limit, follow_redirects=True)


def _api_key(llm: Llm) -> str | None:
    name = llm.api_key_env
    key = os.environ.get(name, "").strip() if name else None  # pasting often adds a blank or a line end
    if key == "":
        raise UserError(f"llm.api_key_env: the variable {name} is not set; export {name}=… and run again")
    if key and not (key.isascii() and key.isprintable()):  # no HTTP header can carry it
        raise UserError(
            f"llm.api_key_env: the variable {name} holds a line break, a control character or a letter outside ASCII, "
            "which no API key has; copy the key again"
        )
    return key


def sent_seed(request: Request) -> int:
    """Return the seed to send: 31 bits of a hash of the prompt and of how often it was asked before.

    The count alone would give all prompts the same random numbers, and similar prompts would get similar answers.
    """
    words = f"{request.parameters['seed']}:{request.prompt}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4]) >> 1


def refused_parameters(request: Request) -> list[str]:
    """Return the decoding parameters that the model does not accept with these values, and log each.

    They are tried one at a time, so that one refusal does not remove the others, and then together: if two exclude each
    other, such as temperature and reasoning_effort, the first is not sent.
    """
    parameters = dict(request.parameters)
    refused = [name for name, value in parameters.items() if not _accepts(request.llm, {name: value})]
    left = {name: value for name, value in parameters.items() if name not in refused}
    while not _accepts(request.llm, left):
        others = {name: {key: value for key, value in left.items() if key != name} for name in left}
        unfit = next((name for name in left if _accepts(request.llm, others[name])), next(iter(left)))
        refused.append(unfit)
        left = others[unfit]
    if "claude" in request.llm.model and {"temperature", "top_p"} <= left.keys():
        refused.append("top_p")  # Claude accepts only one of the two; LiteLLM 1.106.2 does not know
    for name in refused:
        log.warning("%s does not accept %s=%s; it is not sent", request.llm.model, name, as_typed(parameters[name]))
    return refused


def _accepts(llm: Llm, parameters: Mapping[str, Any]) -> bool:  # Any: JSON
    litellm = load_litellm()
    name = llm.model.removeprefix(f"{llm.route}/")
    try:
        litellm.get_optional_params(model=name, custom_llm_provider=llm.route, **parameters)
    except litellm.exceptions.UnsupportedParamsError:
        return False
    return True
