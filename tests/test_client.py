"""The client against a real server through real LiteLLM: faults, parameters, money, secrets, replays."""

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.contract.errors import SeedlingError, UserError
from tests.environment import environment
from tests.llm_server import (
    Behaviour,
    LlmServer,
    answering,
    ask,
    configure,
    drop,
    echo_key,
    failing,
    hang,
    html,
    malformed,
    slow,
    trickle,
    truncated,
)
from tests.repository import ROOT

KEY_VARIABLE = "SEEDLING_TEST_KEY"
CANARY = "sk-canary-5f1d0c77"
HELLO = answering(text="Hello.")
TWICE = {"index": 0, "text": "Hi.", "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
Values = dict[str, Any]  # Any: values of YAML

CHAT: Values = {"provider": "openai", "model": "openai/test", "api_key_env": KEY_VARIABLE}
TEXT: Values = {
    "provider": "text-completion-openai",
    "model": "text-completion-openai/test",
    "mode": "completion",
    "api_key_env": KEY_VARIABLE,
}
VLLM: Values = {"provider": "hosted_vllm", "model": "hosted_vllm/test", "api_key_env": KEY_VARIABLE}
WAYS = [pytest.param(CHAT, id="chat"), pytest.param(TEXT, id="text"), pytest.param(VLLM, id="vllm")]


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    """An API key in the environment, as a user exports it."""
    with environment(**{KEY_VARIABLE: CANARY}):
        yield


# Requests


@pytest.mark.parametrize("llm", WAYS)
def test_an_answer_holds_what_the_server_returned(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = HELLO
    [answer] = ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert (answer.text, answer.finish_reason, answer.served_by) == ("Hello.", "stop", "test")
    assert [call.prompt for call in llm_server.calls] == ["Say hello."]


@pytest.mark.parametrize("llm", WAYS)
def test_every_decoding_parameter_is_sent(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    drawn = {
        "temperature": 0.7,
        "top_p": 0.5,
        "frequency_penalty": 0.5,
        "presence_penalty": 2.0,
        "stop": ["\n\n", "16."],
    }
    ask(llm_server.configure(tmp_path, {**llm, "send_seed": True}, drawn), "Say hello.")
    body = llm_server.calls[0].body
    sent = {name: body.get(name) for name in [*drawn, "max_tokens"]}
    assert sent == {**drawn, "max_tokens": 1000}


@pytest.mark.parametrize("llm", WAYS)
def test_every_prompt_and_every_repetition_has_its_own_seed(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    config = llm_server.configure(tmp_path / "first", {**llm, "send_seed": True}, runtime={"concurrency": 1})
    ask(config, "Say hello.", "Say hello.", "Say goodbye.")
    seeds = [call.body["seed"] for call in llm_server.calls]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)
    ask(llm_server.configure(tmp_path / "second", {**llm, "send_seed": True}), "Say hello.")
    assert llm_server.calls[-1].body["seed"] == seeds[0]


@pytest.mark.parametrize("llm", WAYS)
def test_a_parameter_of_null_is_not_sent(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    ask(llm_server.configure(tmp_path, llm, {"temperature": None}), "Say hello.")
    assert not {"temperature", "top_p", "frequency_penalty", "stop", "seed"} & set(llm_server.calls[0].body)


def test_a_parameter_the_model_does_not_accept_is_dropped_and_recorded(llm_server: LlmServer, tmp_path: Path) -> None:
    llm = {**CHAT, "model": "openai/o3-mini"}
    [answer] = ask(llm_server.configure(tmp_path, llm, {"temperature": 0.5, "stop": ["\n"]}), "Say hello.")
    assert answer.dropped_parameters == ["temperature"]
    assert "temperature" not in llm_server.calls[0].body
    assert llm_server.calls[0].body["stop"] == ["\n"]


@pytest.mark.parametrize("llm", WAYS)
def test_connections_are_reused(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    ask(llm_server.configure(tmp_path, llm, runtime={"concurrency": 2}), *(f"Say {n}." for n in range(12)))
    assert len(llm_server.calls) == 12
    assert llm_server.connections <= 3


# Answers


@pytest.mark.parametrize("llm", WAYS)
def test_an_answer_ends_before_the_first_stop_sequence_even_if_the_server_ignores_it(
    llm: Values, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = answering(text="One.\nTwo.\n\nThree. 16. Four.")
    config = llm_server.configure(tmp_path, llm, {"stop": ["16.", "\n\n"]})
    assert [answer.text for answer in ask(config, "Count.")] == ["One.\nTwo."]


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize(
    ("finish_reason", "text"), [("length", "Hel"), ("content_filter", "Hel"), ("content_filter", None)]
)
def test_a_cut_off_or_filtered_answer_is_kept_with_its_finish_reason(
    llm: Values, finish_reason: str, text: str | None, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = answering(text=text, finish_reason=finish_reason)
    [answer] = ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert (answer.text, answer.finish_reason, len(llm_server.calls)) == (text or "", finish_reason, 1)


def test_reasoning_is_kept_apart_from_the_answer(llm_server: LlmServer, tmp_path: Path) -> None:
    message = {"role": "assistant", "content": "Hello.", "reasoning_content": "They want a greeting."}
    llm_server.behaviour = answering(choices=[{"index": 0, "message": message, "finish_reason": "stop"}])
    [answer] = ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert (answer.text, answer.reasoning) == ("Hello.", "They want a greeting.")


@pytest.mark.parametrize("llm", WAYS)
def test_a_lone_surrogate_becomes_the_replacement_character(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="Hello \ud83d, 😀")
    assert [answer.text for answer in ask(llm_server.configure(tmp_path, llm), "Smile.")] == ["Hello �, 😀"]


@pytest.mark.parametrize("llm", WAYS)
def test_usage_is_recorded(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    llm_server.behaviour = answering(text="Hello.", usage=usage)
    [answer] = ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert (answer.prompt_tokens, answer.completion_tokens) == (11, 7)
    assert (answer.cached_tokens, answer.reasoning_tokens) == (5, 3)


@pytest.mark.parametrize("llm", WAYS)
def test_an_answer_without_usage_counts_no_tokens(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="Hello.", usage=None)
    [answer] = ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Hello.", 0, 0)


@pytest.mark.parametrize(
    ("llm", "cost_usd"),
    [
        pytest.param(CHAT, None, id="unknown_price"),
        pytest.param({**CHAT, "model": "openai/gpt-4.1-mini"}, (11 * 0.40 + 7 * 1.60) / 1e6, id="known_price"),
        pytest.param(VLLM, 0.0, id="local_server"),
        pytest.param({"provider": "offline", "model": "offline/book"}, 0.0, id="offline"),
    ],
)
def test_the_cost_is_known_or_null(llm: Values, cost_usd: float | None, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(usage={"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18})
    [answer] = ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert answer.cost_usd == (None if cost_usd is None else pytest.approx(cost_usd))


# Faults


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
def test_a_permanent_error_ends_the_run_without_a_retry(
    llm: Values, status: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = failing(status, "not for you")
    with pytest.raises(UserError, match=r"test: refused the request: .*not for you"):
        ask(llm_server.configure(tmp_path, llm), "Say hello.")
    assert len(llm_server.calls) == 1


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(failing(429, retry_after="0"), id="429"),
        pytest.param(failing(429, retry_after="nan"), id="retry_after_nan"),
        pytest.param(failing(429, retry_after="Fri, 20 Nov 2020 18:00:00 GMT"), id="retry_after_date"),
        pytest.param(failing(500, retry_after="0"), id="500"),
        pytest.param(failing(503, retry_after="0"), id="503"),
        pytest.param(drop, id="dropped"),
        pytest.param(truncated, id="truncated"),
        pytest.param(malformed, id="malformed"),
        pytest.param(html, id="html"),
        pytest.param(answering(choices=[]), id="no_choice"),
        pytest.param(answering(choices=[TWICE, TWICE]), id="two_choices"),
        pytest.param(answering(choices=None), id="null_choices"),
        pytest.param(answering(text=None, finish_reason="stop"), id="no_text"),
    ],
)
def test_a_transient_fault_is_retried(llm: Values, fault: Behaviour, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script.append(fault)
    llm_server.behaviour = HELLO
    assert [answer.text for answer in ask(llm_server.configure(tmp_path, llm), "Say hello.")] == ["Hello."]
    assert len(llm_server.calls) == 2


@pytest.mark.slow
def test_a_persistent_fault_ends_the_run_after_the_last_attempt(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = failing(500)
    with pytest.raises(SeedlingError, match="openai/test: no answer in 4 attempts, last: InternalServer") as caught:
        ask(llm_server.configure(tmp_path, CHAT, runtime={"attempts": 4}), "Say hello.")
    assert (caught.value.exit_code, len(llm_server.calls)) == (1, 4)


def test_the_client_waits_as_long_as_retry_after_says(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script.append(failing(429, retry_after="0.7"))
    started = time.monotonic()
    ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert time.monotonic() - started >= 0.7


def test_the_client_does_not_wait_after_the_last_attempt(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = failing(500, retry_after="30")
    started = time.monotonic()
    with pytest.raises(SeedlingError):
        ask(llm_server.configure(tmp_path, CHAT, runtime={"attempts": 1}), "Say hello.")
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize("fault", [hang, slow(5), trickle(5)], ids=["hang", "slow", "trickle"])
def test_the_deadline_ends_a_slow_request(llm: Values, fault: Behaviour, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = fault
    started = time.monotonic()
    with pytest.raises(SeedlingError, match="last: TimeoutError"):
        ask(llm_server.configure(tmp_path, llm, runtime={"deadline_seconds": 0.3, "attempts": 1}), "Wait.")
    assert time.monotonic() - started < 4


# Secrets


def test_the_key_in_the_named_variable_is_sent(llm_server: LlmServer, tmp_path: Path) -> None:
    ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert llm_server.calls[0].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_a_missing_key_is_reported_before_any_request(value: str | None, llm_server: LlmServer, tmp_path: Path) -> None:
    del os.environ[KEY_VARIABLE]
    if value is not None:
        os.environ[KEY_VARIABLE] = value
    with pytest.raises(UserError, match=f"the variable {KEY_VARIABLE} is not set; export {KEY_VARIABLE}=") as caught:
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert (caught.value.exit_code, llm_server.calls) == (2, [])


@pytest.mark.parametrize("llm", WAYS)
def test_the_key_appears_in_no_file_log_or_error(
    llm: Values, llm_server: LlmServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    llm_server.script += [failing(500, f"key {CANARY}", retry_after="0"), HELLO, echo_key]
    with pytest.raises(UserError) as caught:
        ask(llm_server.configure(tmp_path, llm, runtime={"concurrency": 1}), "Say hello.", "Say it again.")
    assert "***" in str(caught.value)
    places = [caplog.text, str(caught.value), "".join(traceback.format_exception(caught.value))]
    assert not any(CANARY in place for place in places)
    assert not any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())


# Replays


def replay(folder: str, api_base: str) -> None:
    """Request stored answers and print what was imported and connected. Runs in a separate process."""
    connected: list[str] = []
    sys.addaudithook(lambda event, _: connected.append(event) if event.startswith("socket.connect") else None)
    config = configure(CHAT, runtime={"answers_dir": folder, "api_base": api_base})
    texts = [answer.text for answer in ask(config, "Say hello.", "Say hello.")]
    sys.stdout.write(json.dumps({"texts": texts, "litellm": "litellm" in sys.modules, "connected": connected}))


def test_a_replay_needs_no_litellm_no_key_and_no_socket(llm_server: LlmServer, tmp_path: Path) -> None:
    texts = [answer.text for answer in ask(llm_server.configure(tmp_path, CHAT), "Say hello.", "Say hello.")]
    del os.environ[KEY_VARIABLE]
    code = f"from tests.test_client import replay; replay({str(tmp_path)!r}, {llm_server.api_base!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert json.loads(done.stdout) == {"texts": texts, "litellm": False, "connected": []}
    assert len(llm_server.calls) == 2


def collect(folder: str, api_base: str) -> None:
    """Request a new answer, and print whether garbage collection is on and how many objects it skips."""
    import gc

    ask(configure(CHAT, runtime={"api_base": api_base, "answers_dir": folder}), "Say hello.")
    sys.stdout.write(json.dumps([gc.isenabled(), gc.get_freeze_count()]))


@pytest.mark.slow
def test_garbage_collection_skips_the_objects_of_litellm(llm_server: LlmServer, tmp_path: Path) -> None:
    code = f"from tests.test_client import collect; collect({str(tmp_path)!r}, {llm_server.api_base!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    is_enabled, passed_over = json.loads(done.stdout)
    assert is_enabled
    assert passed_over > 100_000


@pytest.mark.parametrize("llm", WAYS)
def test_an_answer_is_paid_for_once(llm: Values, llm_server: LlmServer, tmp_path: Path) -> None:
    config = llm_server.configure(tmp_path, llm)
    first = ask(config, "Say hello.", "Say hello.", "Say goodbye.")
    assert ask(config, "Say hello.", "Say hello.", "Say goodbye.") == first
    assert len(llm_server.calls) == 3


def test_a_refused_request_stores_nothing(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script.append(failing(401))
    config = llm_server.configure(tmp_path, CHAT)
    with pytest.raises(UserError):
        ask(config, "Say hello.")
    llm_server.behaviour = HELLO
    assert [answer.text for answer in ask(config, "Say hello.")] == ["Hello."]


@pytest.mark.parametrize(
    ("message", "finish_reason"),
    [
        ("This model's maximum context length is 8192 tokens, yours has 9000.", "context_window"),
        (
            "Your request was rejected by our safety system: content_policy_violation (invalid_request_error)",
            "content_filter",
        ),
    ],
)
def test_a_request_refused_for_its_content_is_stored_as_an_answer_and_replayed(
    llm_server: LlmServer, tmp_path: Path, message: str, finish_reason: str
) -> None:
    llm_server.behaviour = failing(400, message)
    config = llm_server.configure(tmp_path, CHAT)
    [first], [again] = ask(config, "Say hello."), ask(config, "Say hello.")
    assert (first.text, first.finish_reason, first.cost_usd) == ("", finish_reason, 0.0)
    assert again == first
    assert len(llm_server.calls) == 1


def test_a_token_limit_used_up_by_reasoning_is_a_user_error(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="", finish_reason="length")
    with pytest.raises(UserError, match=r"used up its 1000 tokens .* raise llm.reasoning_tokens"):
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert len(llm_server.calls) == 1
