"""A server on 127.0.0.1 that speaks OpenAI's chat and text completions, and fails on demand.

It answers with the built-in model, so that the whole pipeline can run against it. `script` holds the behaviour
for the next requests, one entry each; `behaviour` applies to all others.
"""

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import yaml

from stages.contract.config import Config
from stages.contract.records import Answer
from stages.contract.sections.decoding import Decoding
from stages.contract.validation import Model, validate
from stages.llm.window import answer_each
from stages.models.book.reply import reply
from stages.store.request import Request, Requests

Section = Mapping[str, Any]  # Any: what YAML holds

PATHS = {"/v1/chat/completions": "chat", "/v1/completions": "completion"}
NOBODY = "http://127.0.0.1:1/v1"
"""A URL at which no server listens."""

FOREVER_SECONDS = 300.0
_PARAMS = Path(__file__).parents[1] / "params.yaml"
_STAGES = ("generate", "classify", "instantiate")
_LLM: Section = {
    "provider": "hosted_vllm",
    "model": "hosted_vllm/test",
    "mode": "chat",
    "api_key_env": None,
    "endpoint": "",
    "revision": "",
    "send_seed": False,
    "reasoning_effort": None,
    "reasoning_tokens": 0,
}
_DECODING: Section = {
    "temperature": 1.0,
    "top_p": None,
    "frequency_penalty": None,
    "presence_penalty": None,
    "stop": [],
}


def configure(llm: Section | None = None, generate: Section | None = None, runtime: Section | None = None) -> Config:
    """Return the config of the repository with the model of this server in every stage and the given values."""
    raw = yaml.safe_load(_PARAMS.read_text("utf-8"))
    model = {**_LLM, **(llm or {})}
    for section in (raw, *(raw[name] for name in _STAGES)):
        section["llm"] = model
    raw["prompts"]["mode"] = model["mode"]
    raw["generate"].update({**_DECODING, **(generate or {})})
    raw["runtime"].update({"max_cost_usd": None, **(runtime or {})})  # a cap would need a price
    return validate(Config, raw)


def part(model: type[Model], config: Config) -> Model:
    """Return the sections of a config that a stage declares."""
    whole, read = config.model_dump(), {}
    for name, declared in model.model_fields.items():
        keys: list[str] = getattr(declared.annotation, "model_fields", [])
        read[name] = {key: whole[name][key] for key in keys} if keys else whole[name]
    return validate(model, read)


def requests_of(decoding: Decoding, *prompts: str, max_tokens: int = 1000) -> list[Request]:
    """Return requests with these prompts."""
    made = Requests(decoding)
    return [made.make(prompt, max_tokens) for prompt in prompts]


def ask(config: Config, *prompts: str) -> list[Answer]:
    """Return the answers to prompts, requested as a stage does."""
    return answer_each("generate", config.runtime, requests_of(config.generate, *prompts))


@dataclass(frozen=True)
class Call:
    """A received request; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]  # Any: JSON

    @property
    def mode(self) -> str:
        return PATHS[self.path]

    @property
    def prompt(self) -> str:
        if self.mode == "chat":
            return "\n".join(message["content"] for message in self.body["messages"])
        prompt = self.body["prompt"]
        return prompt if isinstance(prompt, str) else "\n".join(prompt)


@dataclass(frozen=True)
class Reaction:
    """The response to a request, with its delays and faults."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0
    """The pause after each tenth of the content."""
    sent: float = 1.0
    """The share of the content after which the connection is cut; 0 sends no status line either."""


Behaviour = Callable[[Call], Reaction]


def completion(call: Call, **changes: Any) -> dict[str, Any]:  # Any: JSON
    """Return the answer of the built-in model as an OpenAI response, with the given fields changed."""
    stop = call.body.get("stop") or []
    answer = reply(
        call.prompt,
        seed=call.body.get("seed") or 0,
        max_tokens=call.body.get("max_completion_tokens") or call.body.get("max_tokens"),
        stop=[stop] if isinstance(stop, str) else stop,
    )
    text = changes.pop("text", answer.text)
    said = {"message": {"role": "assistant", "content": text}} if call.mode == "chat" else {"text": text}
    finish_reason = changes.pop("finish_reason", answer.finish_reason)
    return {
        "id": "answer-1",
        "object": "chat.completion" if call.mode == "chat" else "text_completion",
        "created": 0,
        "model": call.body["model"],
        "choices": [{"index": 0, "logprobs": None, "finish_reason": finish_reason, **said}],
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        },
        **changes,
    }


def answering(**changes: Any) -> Behaviour:  # Any: JSON
    """Return the behaviour of a server that answers, with the given fields changed as in `completion`."""
    return lambda call: Reaction(json.dumps(completion(call, **changes)).encode())


def failing(status: int, message: str = "no", retry_after: str | None = None) -> Behaviour:
    """Return the behaviour of a server that responds with an error status."""
    error = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda _: Reaction(json.dumps(error).encode(), status, headers)


def replying(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Return the behaviour of a server that sends this text, or the JSON of any other body."""
    content = body if isinstance(body, str) else json.dumps(body)
    return lambda _: Reaction(content.encode(), status, headers or {})


def answer(call: Call) -> Reaction:
    return answering()(call)


def slow(seconds: float) -> Behaviour:
    return lambda call: replace(answer(call), delay_seconds=seconds)


def trickle(seconds: float) -> Behaviour:
    """Return the behaviour of a server that sends its answer in ten pieces over the given seconds."""
    return lambda call: replace(answer(call), drip_seconds=seconds / 10)


def hang(call: Call) -> Reaction:
    return slow(FOREVER_SECONDS)(call)


def drop(call: Call) -> Reaction:
    return replace(answer(call), sent=0.0)


def truncated(call: Call) -> Reaction:
    return replace(answer(call), sent=0.5)


def malformed(_: Call) -> Reaction:
    return Reaction(b'{"id": "answer-1", "choices": [{"mess')


def html(_: Call) -> Reaction:
    return Reaction(b"<html><body>Bad gateway</body></html>", headers={"Content-Type": "text/html"})


def echo_key(call: Call) -> Reaction:
    """Refuse the request with an error that repeats the key."""
    return failing(401, f"Incorrect API key provided: {call.headers.get('authorization')}")(call)


class LlmServer:
    """The server, which runs inside its `with` block."""

    def __init__(self) -> None:
        self.script: deque[Behaviour] = deque()
        self.behaviour: Behaviour = answer
        self.takes_any_path = False
        """Whether requests are answered at every path, for providers whose API is not that of OpenAI."""
        self.calls: list[Call] = []
        self.connections = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.llm = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @cached_property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def configure(
        self, folder: Path, llm: Section | None = None, generate: Section | None = None, runtime: Section | None = None
    ) -> Config:
        """Return the config of a stage that uses this server and stores its answers in a folder."""
        reach = {"api_base": self.api_base, "answers_dir": str(folder), "attempts": 2, "grace_seconds": 5}
        return configure(llm, generate, {**reach, **(runtime or {})})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.cut_connections()
        self._http.server_close()

    def begin(self, call: Call) -> Behaviour:
        """Record a call and return the behaviour for it."""
        with self._lock:
            self.calls.append(call)
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
            if call.path not in PATHS and not self.takes_any_path:
                return failing(404, f"no {call.path} here")
            return self.script.popleft() if self.script else self.behaviour

    def end(self) -> None:
        with self._lock:
            self.in_flight -= 1


class _Http(ThreadingHTTPServer):
    llm: LlmServer
    daemon_threads = False
    request_queue_size = 256

    def __init__(self, *arguments: Any) -> None:  # Any: the arguments of socketserver
        self.connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def cut_connections(self) -> None:
        """End the threads that wait for the next request on a kept-alive connection."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http
    connection: socket.socket

    def handle(self) -> None:
        self.server.llm.connections += 1
        self.server.connections.add(self.connection)
        with suppress(ConnectionError):
            super().handle()
        self.server.connections.discard(self.connection)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        behaviour = self.server.llm.begin(call)
        try:
            self._send(behaviour(call))
        finally:
            self.server.llm.end()

    def _send(self, reaction: Reaction) -> None:
        self._wait(reaction.delay_seconds)
        self.close_connection = reaction.sent < 1
        if not reaction.sent:
            return
        self.send_response(reaction.status)
        for name, value in ({"Content-Type": "application/json"} | dict(reaction.headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reaction.content)))
        self.end_headers()
        content = reaction.content[: int(len(reaction.content) * reaction.sent)]
        size = -(-len(content) // 10) if reaction.drip_seconds else len(content)
        for start in range(0, len(content), max(1, size)):
            self.wfile.write(content[start : start + size])
            self._wait(reaction.drip_seconds)

    def _wait(self, seconds: float) -> None:
        if seconds:
            self.server.llm.closing.wait(seconds)

    def log_message(self, *_: object) -> None:
        """Print nothing, to keep the output of pytest readable."""
