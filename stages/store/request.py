"""Requests to a model, and the keys under which their answers are stored."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stages.contract.sections.decoding import Decoding
from stages.contract.sections.llm import Llm

KEY_VERSION = 1
_DECODING_KEYS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "stop")


def canonical(content: Mapping[str, Any]) -> bytes:  # Any: JSON
    """Return canonical JSON: sorted keys, no whitespace, UTF-8."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def key_of(request: bytes) -> str:
    """Return the key of a canonical request: its sha256, 64 hex digits."""
    return hashlib.sha256(request).hexdigest()


@dataclass(frozen=True)
class Request:
    """One request as configured, before LiteLLM renames or drops parameters.

    The key leaves out URLs, timeouts, concurrency, attempts and the API key on purpose: they decide how an answer is
    fetched, not which answer it is. After a server moves or a key changes, stored answers still apply.
    """

    llm: Llm
    prompt: str
    parameters: Mapping[str, Any]  # Any: the JSON values of decoding parameters
    sample: int
    """How many earlier requests of the stage were identical."""

    @property
    def canonical(self) -> bytes:
        """The request as canonical JSON."""
        content = (
            {"messages": [{"role": "user", "content": self.prompt}]}
            if self.llm.mode == "chat"
            else {"prompt": self.prompt}
        )
        whole = {
            "version": KEY_VERSION,
            "model": self.llm.model,
            "endpoint": self.llm.endpoint,
            "revision": self.llm.revision,
            "sample": self.sample,
            "parameters": dict(self.parameters),
            **content,
        }
        return canonical(whole)

    @cached_property
    def key(self) -> str:
        """sha256 of the canonical request, 64 hex digits."""
        return key_of(self.canonical)


class Requests:
    """Makes the requests of one stage in order and numbers identical ones."""

    def __init__(self, decoding: Decoding) -> None:
        self._llm = decoding.llm
        self._parameters = {
            name: value for name in _DECODING_KEYS if (value := getattr(decoding, name)) not in (None, [])
        }
        if self._llm.reasoning_effort is not None:
            self._parameters["reasoning_effort"] = self._llm.reasoning_effort
        self._seen: Counter[tuple[str, int]] = Counter()

    def make(self, prompt: str, max_tokens: int) -> Request:
        """Return the next request. `max_tokens` is for the visible answer; `llm.reasoning_tokens` are added."""
        sample = self._seen[prompt, max_tokens]
        self._seen[prompt, max_tokens] += 1
        parameters = {**self._parameters, "max_tokens": max_tokens + self._llm.reasoning_tokens}
        if self._llm.send_seed:
            parameters["seed"] = sample
        return Request(self._llm, prompt, parameters, sample)
