"""Faults between a stage and its model: which are retried, rerouted or end the run."""

import asyncio
import email.utils
import gc
import hashlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.contract.config import Config
from stages.contract.errors import SeedlingError, UserError
from stages.contract.records import Answer
from stages.llm.budget import Budget
from stages.llm.client import Client
from stages.llm.delay import retry_after
from stages.llm.faults import AttemptError
from stages.llm.progress import Progress
from stages.llm.wire import Wire
from stages.store.answers import AnswerStore
from stages.store.request import Requests
from tests.environment import environment
from tests.llm_server import (
    NOBODY,
    Behaviour,
    Call,
    LlmServer,
    Reaction,
    answering,
    ask,
    configure,
    drop,
    failing,
    hang,
    html,
    malformed,
    slow,
    truncated,
)
from tests.test_client import CANARY, CHAT, HELLO, KEY_VARIABLE, WAYS, Values
from tests.test_window import Chain, prompts, stored


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    """An API key in the environment, as a user exports it."""
    with environment(**{KEY_VARIABLE: CANARY}):
        yield


def say(call: Call) -> Reaction:
    return answering(text=said(call.prompt), finish_reason="stop")(call)


def said(prompt: str) -> str:
    return f"You said: {prompt}"


def texts(answers: list[Answer]) -> list[str]:
    return [answer.text for answer in answers]


def timed(behaviour: Behaviour, times: list[float], since: float = 0.0) -> Behaviour:
    """Return a behaviour that records the time of each request."""

    def react(call: Call) -> Reaction:
        times.append(time.time() - since)
        return behaviour(call)

    return react


# Retry-After


def in_seconds(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": "0.25"}, 0.25, id="fraction"),
        pytest.param({"Retry-After": " 7 "}, 7, id="surrounding_spaces"),
        pytest.param({"retry-after-ms": "1500"}, 1.5, id="milliseconds"),
        pytest.param({"Retry-After-Ms": "1500", "Retry-After": "2"}, 1.5, id="milliseconds_before_seconds"),
        pytest.param(httpx.Headers({"RETRY-AFTER": "7"}), 7, id="httpx_headers"),
        pytest.param({"retry-after": 7}, 7, id="number"),
        pytest.param({"Retry-After": "0"}, 0, id="zero"),
        pytest.param({"Retry-After": "-3"}, 0, id="negative"),
        pytest.param({"Retry-After": "nan"}, 0, id="nan"),
        pytest.param({"Retry-After": "inf"}, 0, id="inf"),
        pytest.param({"Retry-After": "1e999"}, 0, id="overflow"),
        pytest.param({"Retry-After": "soon"}, 0, id="word"),
        pytest.param({"Retry-After": ""}, 0, id="empty"),
        pytest.param({"Retry-After": "Fri, 20 Nov 2020 18:00:00 GMT"}, 0, id="past_date"),
        pytest.param({"Retry-After": "Fri, 40 Nov 2099 18:00:00 GMT"}, 0, id="invalid_date"),
        pytest.param({"retry-after-ms": "soon"}, 0, id="milliseconds_not_a_number"),
        pytest.param({"X-RateLimit-Reset": "7"}, 0, id="another_header"),
        pytest.param({}, 0, id="missing"),
    ],
)
def test_the_seconds_to_wait_are_read_from_the_headers(headers: Mapping[str, object], seconds: float) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("seconds", [5, 90, 86_400])
def test_a_future_date_is_read_as_the_seconds_until_then(seconds: float) -> None:
    assert retry_after({"Retry-After": in_seconds(seconds)}) == pytest.approx(seconds, abs=1.5)


@given(st.sampled_from(["retry-after", "retry-after-ms"]), st.text() | st.floats().map(str))
def test_any_header_gives_a_finite_wait(name: str, value: str) -> None:
    assert 0 <= retry_after({name: value}) < float("inf")


@pytest.mark.parametrize("llm", WAYS)
def test_a_request_refused_until_a_date_is_retried_at_that_date(
    llm: Values, llm_server: LlmServer, tmp_path: Path
) -> None:
    late: list[float] = []

    def refuse_until(call: Call) -> Reaction:
        date = in_seconds(1.5)
        until = email.utils.parsedate_to_datetime(date).timestamp()
        llm_server.behaviour = timed(HELLO, late, since=until)
        return failing(429, retry_after=date)(call)

    llm_server.behaviour = refuse_until
    assert texts(ask(llm_server.configure(tmp_path, llm), "Say hello.")) == ["Hello."]
    assert 0 <= late[0] < 1


# Kinds of faults


def fault(config: Config) -> AttemptError:
    """Return the fault of a single attempt."""

    async def attempt() -> AttemptError:
        request = Requests(config.generate).make("Say hello.", 1000)
        wire = Wire(config.runtime, request)
        try:
            with pytest.raises(AttemptError) as caught:
                await wire.ask(request)
        finally:
            await wire.close()
        return caught.value

    return asyncio.run(attempt())


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize(
    ("behaviour", "meaning"),
    [
        pytest.param(failing(429), ("overload", False), id="429"),
        pytest.param(failing(503), ("overload", False), id="503"),
        pytest.param(failing(529), ("overload", False), id="529"),
        pytest.param(failing(500), ("passing", False), id="500"),
        pytest.param(failing(504), ("passing", False), id="504"),
        pytest.param(drop, ("passing", True), id="dropped"),
        pytest.param(truncated, ("passing", True), id="truncated"),
        pytest.param(hang, ("passing", True), id="deadline"),
        pytest.param(malformed, ("passing", True), id="malformed"),
        pytest.param(html, ("passing", True), id="html"),
        pytest.param(answering(choices=[]), ("passing", True), id="no_choice"),
        pytest.param(answering(text=None, finish_reason="stop"), ("passing", True), id="no_text"),
        pytest.param(failing(400), ("fatal", False), id="400"),
        pytest.param(failing(401), ("fatal", False), id="401"),
        pytest.param(failing(402), ("fatal", False), id="402"),
        pytest.param(failing(403), ("fatal", False), id="403"),
        pytest.param(failing(404), ("fatal", False), id="404"),
        pytest.param(failing(422), ("fatal", False), id="422"),
        pytest.param(failing(429, "Error: insufficient_quota."), ("fatal", False), id="quota"),
    ],
)
def test_a_fault_has_a_kind_and_is_charged_if_an_answer_may_be_lost(
    llm: Values, behaviour: Behaviour, meaning: tuple[str, bool], llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = behaviour
    found = fault(llm_server.configure(tmp_path, llm, runtime={"deadline_seconds": 0.3 if behaviour is hang else 30}))
    assert ((found.kind, found.billed), len(llm_server.calls)) == (meaning, 1)


@pytest.mark.parametrize("llm", WAYS)
def test_an_unreachable_server_is_a_transient_fault_and_costs_nothing(llm: Values, tmp_path: Path) -> None:
    found = fault(configure(llm, runtime={"api_base": NOBODY, "answers_dir": str(tmp_path)}))
    assert (found.kind, found.billed) == ("passing", False)


@pytest.mark.parametrize("llm", WAYS)
def test_an_exhausted_quota_ends_the_run_after_one_request(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = failing(429, "You exceeded your current quota (insufficient_quota).", retry_after="30")
    with pytest.raises(UserError, match=r"refused the request: .*insufficient_quota"):
        ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert len(llm_server.calls) == 1


def test_a_permanent_error_stops_new_requests_and_stores_those_in_flight(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [slow(0.05)] * 12
    llm_server.script.append(failing(401))
    llm_server.behaviour = slow(0.2)
    config = llm_server.configure(tmp_path, CHAT, runtime={"concurrency": 4})
    with pytest.raises(UserError, match="refused the request"):
        ask(config, *prompts(40))
    assert 13 <= len(llm_server.calls) <= 13 + 4
    assert len(stored(config)) == len(llm_server.calls) - 1


# Providers and keys


def test_a_missing_default_key_is_reported_before_any_request(llm_server: LlmServer, tmp_path: Path) -> None:
    llm = {"provider": "openai", "model": "openai/test"}
    config = configure(llm, runtime={"answers_dir": str(tmp_path)})
    with (
        environment(OPENAI_API_KEY=None, OPENAI_BASE_URL=llm_server.api_base),
        pytest.raises(UserError, match=r"^openai/test: refused the request: .*Missing credentials") as caught,
    ):
        ask(config, "Say hello.")
    assert (caught.value.exit_code, llm_server.calls) == (2, [])
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("foo/bar", "llm.model: LiteLLM knows no provider 'foo' ('foo/bar'); see docs/providers.md"),
        ("opena/bar", "llm.model: LiteLLM knows no provider 'opena' ('opena/bar'); did you mean 'openai'?"),
    ],
    ids=["no_suggestion", "typo"],
)
def test_an_unknown_provider_gives_a_one_line_error(model: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        ask(configure({"provider": "any", "model": model}, runtime={"answers_dir": str(tmp_path)}), "Say hello.")
    assert (caught.value.exit_code, str(caught.value)) == (2, line)


@pytest.mark.parametrize(
    ("variable", "llm"),
    [
        pytest.param("OPENAI_API_KEY", WAYS[0].values[0], id="chat"),
        pytest.param("OPENAI_API_KEY", WAYS[1].values[0], id="text"),
        pytest.param("HOSTED_VLLM_API_KEY", WAYS[2].values[0], id="vllm"),
    ],
)
def test_an_unrelated_key_in_the_environment_is_not_sent_to_a_local_server(
    variable: str, llm: Mapping[str, object], llm_server: LlmServer, tmp_path: Path
) -> None:
    with environment(**{variable: CANARY}):
        ask(llm_server.configure(tmp_path, {**llm, "api_key_env": None}), "Say hello.")
    [call] = llm_server.calls
    assert CANARY not in f"{call.headers}{call.body}"


# Rate limits and overload


@pytest.mark.parametrize("status", [429, 503, 529])
def test_rate_limits_use_up_no_attempts(status: int, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [failing(status, retry_after="0.05")] * 5
    llm_server.behaviour = HELLO
    assert texts(ask(llm_server.configure(tmp_path, CHAT, runtime={"attempts": 1}), "Say hello.")) == ["Hello."]
    assert len(llm_server.calls) == 6


@pytest.mark.parametrize("retry_after", [None, "0.2"], ids=["without_retry_after", "with_retry_after"])
def test_a_provider_that_refuses_everything_ends_the_run_with_a_one_line_error(
    retry_after: str | None, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = failing(429, "slow down", retry_after)
    config = llm_server.configure(tmp_path, CHAT, runtime={"attempts": 1, "overload_seconds": 1})
    line = (
        r"has refused every request for \d s and asks to wait another \d s, last: RateLimitError: slow down; run again"
    )
    with pytest.raises(SeedlingError, match=line) as caught:
        ask(config, *prompts(8))
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (1, 1)
    assert len(llm_server.calls) > 8


def test_a_retry_after_above_overload_seconds_ends_the_run_at_once(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = failing(429, retry_after="86400")
    config = llm_server.configure(tmp_path, CHAT, runtime={"overload_seconds": 900})
    with pytest.raises(SeedlingError, match="asks to wait another 86400 s") as caught:
        ask(config, "Say hello.")
    assert (caught.value.exit_code, len(llm_server.calls)) == (1, 1)


def test_an_unavailable_server_that_asks_for_a_longer_wait_ends_the_run_too(
    llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = failing(502, retry_after="86400")
    with pytest.raises(
        SeedlingError, match=r"no answer in 1 attempts, last: .* \(it asks to wait 86400 s\); run again later"
    ):
        ask(llm_server.configure(tmp_path, runtime={"overload_seconds": 900}), "Say hello.")
    assert len(llm_server.calls) == 1


def metered(refusal: Behaviour, per_second: float, burst: int) -> Behaviour:
    """Return the behaviour of a server that answers `per_second` requests a second and refuses the others."""
    lock = threading.Lock()
    left, counted = float(burst), time.monotonic()

    def react(call: Call) -> Reaction:
        nonlocal left, counted
        with lock:
            now = time.monotonic()
            left, counted = min(burst, left + (now - counted) * per_second), now
            answers = left >= 1
            left -= answers
        return (say if answers else refusal)(call)

    return react


@pytest.mark.slow
@pytest.mark.parametrize("retry_after", [None, "1"], ids=["without_retry_after", "with_retry_after"])
def test_64_callers_nearly_reach_the_rate_of_a_server_of_10_requests_a_second(
    retry_after: str | None, llm_server: LlmServer, tmp_path: Path
) -> None:
    times: list[float] = []
    llm_server.behaviour = timed(metered(failing(429, retry_after=retry_after), per_second=10, burst=10), times)
    asked = prompts(160)
    answers = ask(llm_server.configure(tmp_path, runtime={"concurrency": 64, "attempts": 1}), *asked)
    assert texts(answers) == [said(prompt) for prompt in asked]
    assert times[-1] - times[0] < 1.3 * (160 - 10) / 10


# Many faults at once


def unreliable(share: float) -> Behaviour:
    """Return the behaviour of a server that fails a share of its calls in various ways."""
    often = [failing(429), failing(500), drop, truncated, malformed, answering(choices=[])]
    faults = [*often, *often, hang]
    numbers = itertools.count()

    def react(call: Call) -> Reaction:
        first, second, *_ = hashlib.sha256(f"request {next(numbers)}".encode()).digest()
        return (faults[second % len(faults)] if first < share * 256 else say)(call)

    return react


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_every_request_gets_the_right_answer_from_a_server_that_fails_three_calls_in_ten(
    count: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = unreliable(0.3)
    config = llm_server.configure(tmp_path, runtime={"concurrency": 64, "attempts": 20, "deadline_seconds": 2})
    asked = prompts(count)
    answers = ask(config, *asked)
    assert texts(answers) == [said(prompt) for prompt in asked]
    assert count < len(llm_server.calls) <= 1.6 * count
    llm_server.behaviour = failing(401)
    assert ask(config, *asked) == answers


# Several servers


@pytest.fixture
def second_server() -> Iterator[LlmServer]:
    with LlmServer() as server:
        yield server


def test_requests_rotate_over_the_servers(llm_server: LlmServer, second_server: LlmServer, tmp_path: Path) -> None:
    servers = [llm_server, second_server]
    ask(llm_server.configure(tmp_path, runtime={"api_base": [server.api_base for server in servers]}), *prompts(20))
    assert [len(server.calls) for server in servers] == [10, 10]
    assert {call.prompt for server in servers for call in server.calls} == set(prompts(20))


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_request_that_failed_on_one_server_is_retried_on_the_next(
    concurrency: int, llm_server: LlmServer, second_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = failing(500, retry_after="0.01")
    second_server.behaviour = say
    reach = {"api_base": [llm_server.api_base, second_server.api_base], "attempts": 2, "concurrency": concurrency}
    assert texts(ask(llm_server.configure(tmp_path, runtime=reach), *prompts(20))) == [said(p) for p in prompts(20)]
    failed = [call.prompt for call in llm_server.calls]
    assert len(set(failed)) == len(failed) > 5


def test_one_of_two_servers_may_be_down(second_server: LlmServer, tmp_path: Path) -> None:
    reach = {"api_base": [NOBODY, second_server.api_base], "attempts": 2, "concurrency": 8}
    assert len(ask(second_server.configure(tmp_path, runtime=reach), *prompts(8))) == 8


# Single flight


def wait_together(config: Config, cancelled: Sequence[int], linger_seconds: float = 0) -> list[object]:
    """Return the outcomes of two identical concurrent requests, some cancelled, and of a third one after them."""

    async def work(client: Client) -> list[object]:
        request = Requests(config.generate).make("Say hello.", 1000)
        waiters = [asyncio.create_task(client.complete(request)) for _ in range(2)]
        await asyncio.sleep(0.1)
        for number in cancelled:
            waiters[number].cancel()
        await asyncio.sleep(linger_seconds)
        ends = await asyncio.gather(*waiters, client.complete(request), return_exceptions=True)
        await client.close()
        return [end.text if isinstance(end, Answer) else type(end) for end in ends]

    assert config.runtime.answers_dir
    with closing(AnswerStore(Path(config.runtime.answers_dir))) as store:
        budget = Budget(store.database, config.runtime)
        progress = Progress("generate", Chain(config, 1, window=1), "dvc.yaml")
        return asyncio.run(work(Client(config.runtime, store, budget, progress)))


STOPPED = asyncio.CancelledError


@pytest.mark.parametrize(
    ("cancelled", "ends"),
    [
        pytest.param([], ["Hello."] * 3, id="both_wait"),
        pytest.param([0], [STOPPED, "Hello.", "Hello."], id="first_cancelled"),
        pytest.param([1], ["Hello.", STOPPED, "Hello."], id="second_cancelled"),
        pytest.param([0, 1], [STOPPED, STOPPED, "Hello."], id="both_cancelled"),
    ],
)
def test_identical_concurrent_requests_are_sent_once_even_if_one_is_cancelled(
    cancelled: list[int], ends: list[object], llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = delayed(HELLO)
    assert wait_together(llm_server.configure(tmp_path), cancelled) == ends
    assert len(llm_server.calls) == 1


def test_a_fault_after_the_last_waiter_left_logs_no_warning(
    llm_server: LlmServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    llm_server.script += [delayed(failing(401))]
    llm_server.behaviour = HELLO
    ends = wait_together(llm_server.configure(tmp_path), [0, 1], linger_seconds=0.5)
    assert ends == [STOPPED, STOPPED, "Hello."]
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def delayed(behaviour: Behaviour) -> Behaviour:
    return lambda call: replace(behaviour(call), delay_seconds=0.2)


# Parameters that a model does not accept


@pytest.mark.parametrize(
    ("llm", "drawn", "left"),
    [
        pytest.param(
            {"provider": "openai", "model": "openai/gpt-5.1", "reasoning_effort": "low"},
            {"temperature": 0.5},
            {"reasoning_effort": "low"},
            id="temperature_beside_reasoning",
        ),
        pytest.param(
            {"provider": "any", "model": "openrouter/anthropic/claude-sonnet-4.5"},
            {"temperature": 0.5, "top_p": 0.4},
            {"temperature": 0.5},
            id="top_p_beside_temperature_of_claude",
        ),
    ],
)
def test_one_of_two_incompatible_parameters_is_dropped_and_recorded(
    llm: Values, drawn: Values, left: Values, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = HELLO
    [answer] = ask(llm_server.configure(tmp_path, llm, drawn), "Say hello.")
    body = llm_server.calls[0].body
    sent = {name: body[name] for name in ("temperature", "top_p", "reasoning_effort") if name in body}
    assert (answer.text, sent) == ("Hello.", left)
    assert answer.dropped_parameters == [name for name in drawn if name not in left]
