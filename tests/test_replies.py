"""The outcome of a reply: an answer that is kept, a filtered answer, a retry, or the end of the run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.contract.errors import SeedlingError, UserError
from stages.llm.delay import wait_in
from stages.llm.endings import ending_of
from stages.llm.reply import Reply
from stages.llm.said import said_by
from stages.llm.wording import kind_of, refusal_in
from tests.environment import environment
from tests.llm_server import Behaviour, LlmServer, answering, ask, replying
from tests.repository import ROOT
from tests.test_client import CANARY, CHAT, HELLO, KEY_VARIABLE, WAYS, Values

RULES = (ROOT / "docs/providers.md").read_text("utf-8").partition("## What happens to a reply")[2]
"""The section of the docs with the table of rules."""

ROUTER: Values = {"provider": "any", "model": "openrouter/some/model", "api_key_env": KEY_VARIABLE}
GEMINI: Values = {"provider": "any", "model": "gemini/gemini-2.5-flash", "api_key_env": KEY_VARIABLE}
CLAUDE: Values = {"provider": "any", "model": "anthropic/claude-haiku-4-5", "api_key_env": KEY_VARIABLE}


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    with environment(**{KEY_VARIABLE: CANARY}):
        yield


def error(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, **fields}}


def spoken(**fields: object) -> Behaviour:
    """Return the behaviour of a server whose message has these fields."""
    message = {"role": "assistant", "content": "The Indus.", **fields}
    return answering(choices=[{"index": 0, "finish_reason": "stop", "message": message}])


def becomes(behaviour: Behaviour, server: LlmServer, folder: Path, llm: Values = CHAT, **generate: object) -> str:
    """Return the outcome of a reply that is followed by a good one, in the words of the table in the docs."""
    server.script.append(behaviour)
    server.behaviour = HELLO
    config = server.configure(folder, llm, generate, runtime={"overload_seconds": 20})
    try:
        [answer] = ask(config, "Name a river.")
    except UserError:
        assert len(server.calls) == 1
        return "stops the run"
    if len(server.calls) == 2:
        assert (answer.text, answer.finish_reason) == ("Hello.", "stop")
        return "asked again"
    assert ask(config, "Name a river.") == [answer], "it is not replayed"
    named = {"content_filter": "filtered", "context_window": "too long", "length": "cut off", "stop": "kept"}
    return named[answer.finish_reason]


# Every row of the table in docs/providers.md

ROWS = {
    "a text, and `stop` or no finish reason": (answering(text="The Indus.", finish_reason=None), "kept"),
    "no text, where the request has stop sequences": (answering(text="", finish_reason="stop"), "kept"),
    "a text, and a finish reason for the token limit": (
        answering(text="The Ind", finish_reason="model_length"),
        "cut off",
    ),
    "a text, and an unknown finish reason": (answering(text="The Ind", finish_reason="repeated"), "cut off"),
    "no text, and a finish reason for the token limit": (answering(text="", finish_reason="length"), "stops the run"),
    "a finish reason for a filter or refusal, or a text in the field `refusal`": (
        spoken(content=None, refusal="I cannot help with that."),
        "filtered",
    ),
    "a finish reason for a fault, whatever the text": (answering(text="The Ind", finish_reason="error"), "asked again"),
    "no text, or text only in the reasoning": (spoken(content="", reasoning_content="They ask"), "asked again"),
    "no choice, or several": (answering(choices=[]), "asked again"),
    "an error that came with status 200": (replying(error("The upstream died")), "asked again"),
    "an error that says the prompt or answer was filtered": (replying(error("Content Exists Risk"), 400), "filtered"),
    "an error that says the prompt is too long": (replying(error("prompt is too long"), 400), "too long"),
    "429, 503, 529, or words for too many requests": (replying(error("Slow down"), 429), "asked again"),
    "a used-up quota per minute, or one that says how long to wait": (
        replying(error("You exceeded your current quota. Please retry in 0.2s."), 429),
        "asked again",
    ),
    "any other used-up quota, or no credit": (
        replying(error("You exceeded your current quota."), 429),
        "stops the run",
    ),
    "400, 401, 402, 403, 404, 405, 413, 422": (replying(error("No"), 401), "stops the run"),
    "any other status, a lost connection, the deadline": (replying(error("Boom"), 500), "asked again"),
}


def test_the_table_in_the_docs_has_these_rows() -> None:
    rows = [line.strip("| ").split(" | ") for line in RULES.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == list(ROWS)
    assert [row[1] for row in rows] == [end for _, end in ROWS.values()]


@pytest.mark.parametrize(("row", "behaviour", "end"), [(row, *case) for row, case in ROWS.items()], ids=list(ROWS))
def test_every_row_of_the_table_is_true(
    row: str, behaviour: Behaviour, end: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    stops = ["\n"] if "stop sequences" in row else []
    assert becomes(behaviour, llm_server, tmp_path, stop=stops) == end


def test_reasoning_without_an_answer_is_retried_even_with_a_stop_sequence(
    llm_server: LlmServer, tmp_path: Path
) -> None:
    behaviour = spoken(content="", reasoning_content="They ask")
    assert becomes(behaviour, llm_server, tmp_path, stop=["\n"]) == "asked again"


def test_a_reply_that_never_holds_an_answer_ends_the_run_after_the_last_attempt(
    llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = answering(text=" \n", finish_reason="stop")
    with pytest.raises(SeedlingError, match=r"no answer in 2 attempts, last: no text in the answer") as caught:
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert (caught.value.exit_code, len(llm_server.calls)) == (1, 2)


# Finish reasons


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("stop", "stop STOP end_turn EndTurn stop_sequence eos_token endoftext COMPLETE finished FINISH_REASON_STOP"),
        ("length", "length max_tokens MAX_TOKENS model_length token_limit max_output_tokens incomplete not_finished"),
        ("length", "model_context_window_exceeded truncated output_limit"),
        ("content_filter", "content_filter SAFETY RECITATION refusal guardrail_intervened BLOCKLIST SPII sensitive"),
        ("content_filter", "ERROR_TOXIC contentFiltered PROHIBITED_CONTENT IMAGE_SAFETY moderation policy_violation"),
        ("error", "error ERROR network_error abort aborted cancelled interrupted TIMEOUT malformed_response failed"),
        ("error", "insufficient_system_resource engine_overloaded server_error user_cancel load rate_limited"),
        ("unknown", "tool_calls pause_turn repetition finish_reason_unspecified 5 odd"),
    ],
)
def test_finish_reasons_in_any_spelling_are_recognized(ending: str, words: str) -> None:
    assert {word: ending_of([word]) for word in words.split()} == dict.fromkeys(words.split(), ending)


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        ([], "stop"),
        (["", None], "stop"),
        (["stop", "SAFETY"], "content_filter"),
        (["stop", "length"], "length"),
        (["error", "stop"], "error"),
        (["content_filter", "error"], "content_filter"),
        (["stop", "odd"], "unknown"),
    ],
)
def test_the_worst_of_several_finish_reasons_counts(words: list[object], ending: str) -> None:
    assert ending_of(words) == ending


@given(st.lists(st.text() | st.integers() | st.none()))
def test_any_finish_reason_has_a_meaning(words: list[object]) -> None:
    assert ending_of(words) in {"content_filter", "error", "length", "unknown", "stop"}


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize(
    ("word", "end"),
    [("abort", "asked again"), ("SAFETY", "filtered"), ("max_tokens", "cut off"), ("odd", "cut off"), ("eos", "kept")],
)
def test_the_finish_reason_of_the_provider_overrides_that_of_litellm(
    llm: Values, word: str, end: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    """LiteLLM maps most of these to `stop`."""
    assert becomes(answering(text="The Ind", finish_reason=word), llm_server, tmp_path, llm) == end


def candidate(reason: str, text: str = "The Ind") -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}]}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}
    return {"candidates": [{"content": content, "finishReason": reason, "index": 0}], "usageMetadata": usage}


def message_of_claude(reason: str) -> dict[str, Any]:
    usage = {"input_tokens": 9, "output_tokens": 3}
    content = [{"type": "text", "text": "The Ind"}]
    said = {"id": "1", "type": "message", "role": "assistant", "model": "served", "stop_reason": reason}
    return {**said, "content": content, "usage": usage}


@pytest.mark.parametrize(
    ("llm", "body", "end"),
    [
        (GEMINI, candidate("RECITATION"), "filtered"),
        (GEMINI, candidate("LANGUAGE"), "filtered"),
        (GEMINI, candidate("MAX_TOKENS"), "cut off"),
        (GEMINI, candidate("STOP"), "kept"),
        (GEMINI, {"promptFeedback": {"blockReason": "OTHER"}}, "filtered"),
        (CLAUDE, message_of_claude("refusal"), "filtered"),
        (CLAUDE, message_of_claude("model_context_window_exceeded"), "cut off"),
        (CLAUDE, message_of_claude("pause_turn"), "cut off"),
        (CLAUDE, message_of_claude("end_turn"), "kept"),
    ],
)
def test_finish_reasons_of_native_apis_are_recognized(
    llm: Values, body: dict[str, Any], end: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.takes_any_path = True
    assert becomes(replying(body), llm_server, tmp_path, llm) == end


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"finish_reason": "error", "error": {"code": 502, "message": "upstream"}}, "asked again"),
        ({"finish_reason": "stop", "error": {"code": 403, "message": "Output flagged by moderation"}}, "filtered"),
        ({"finish_reason": "stop", "native_finish_reason": "SAFETY"}, "filtered"),
        ({"finish_reason": "stop", "native_finish_reason": "completed"}, "kept"),
        ({"finish_reason": "stop", "error": None}, "kept"),
    ],
)
def test_finish_reasons_and_errors_passed_on_by_a_router_count(
    fields: Values, end: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "The Ind"}, **fields}
    assert becomes(answering(choices=[choice]), llm_server, tmp_path, ROUTER) == end


@pytest.mark.parametrize("refusal", [None, "", " "])
def test_an_empty_refusal_field_is_ignored(refusal: str | None, llm_server: LlmServer, tmp_path: Path) -> None:
    assert becomes(spoken(refusal=refusal), llm_server, tmp_path) == "kept"


# Errors with status 200


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize(
    ("body", "end"),
    [
        pytest.param({"error": "upstream died"}, "asked again", id="error_as_text"),
        pytest.param(error("upstream died"), "asked again", id="no_code"),
        pytest.param(error("slow", code="429"), "asked again", id="code_as_text"),
        pytest.param(error("Rate limit exceeded", code="rate_limit_exceeded"), "asked again", id="code_as_word"),
        pytest.param({"object": "error", "message": "died", "code": 500}, "asked again", id="error_object_as_body"),
        pytest.param({"choices": "none"}, "asked again", id="choices_as_text"),
        pytest.param([], "asked again", id="json_list"),
        pytest.param(None, "asked again", id="null"),
        pytest.param({"choices": None, "base_resp": {"status_msg": "output new_sensitive"}}, "filtered", id="minimax"),
        pytest.param(error("Input was flagged by moderation", code=403), "filtered", id="flagged"),
        pytest.param(error("insufficient_quota"), "stops the run", id="no_credit"),
        pytest.param(error("No auth", code=401), "stops the run", id="401"),
        pytest.param(error("Invalid API key", code="invalid_api_key"), "stops the run", id="wrong_key"),
    ],
)
def test_an_error_with_status_200_is_judged_by_its_code_and_message(
    llm: Values, body: object, end: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    assert becomes(replying(body), llm_server, tmp_path, llm) == end


@pytest.mark.parametrize("nothing", [None, {}, "", {"message": "", "code": None}])
def test_an_empty_error_field_beside_an_answer_is_ignored(
    nothing: object, llm_server: LlmServer, tmp_path: Path
) -> None:
    assert becomes(answering(text="The Indus.", finish_reason="stop", error=nothing), llm_server, tmp_path) == "kept"


# Kinds of errors

FILTERED = [
    (400, "Content Exists Risk"),
    (400, "The response was filtered due to the prompt triggering the content management policy."),
    (400, "Output blocked by content filtering policy"),
    (403, "Your chosen model requires moderation and your input was flagged"),
    (403, "Content violates usage guidelines."),
    (400, "Input data may contain inappropriate content."),
    (400, "The request was rejected because it was considered high risk"),
    (400, "系统检测到输入或生成内容可能包含不安全或敏感内容"),
    (422, "This prompt contains sensitive words that violate our Responsible AI practices"),
    (400, "The guardrail intervened and blocked the output"),
    (400, "blocked output: please retry with a different prompt"),
    (400, "Invalid prompt: we've limited access to this content for safety reasons."),
]
FATAL = [
    (403, "Your account has been flagged for violating our usage policy."),
    (403, "Your organization was disabled because of policy violations."),
    (403, "The model was blocked by your organization's content policy"),
    (403, "Your request was blocked."),
    (403, "<html><body>You are blocked by our content filter</body></html>"),
    (400, "Unknown parameter: 'content_filter'"),
    (400, "Unsupported parameter: 'safety_settings' is not supported with this model."),
    (404, "The model `omni-moderation` does not exist"),
    (401, "Incorrect API key provided: content_filter"),
    (422, "Input should be a valid string"),
    (413, "Request too large on tokens per minute (TPM): Limit 6000, Requested 9000"),
    (429, "You exceeded your current quota, please check your plan"),
    (429, "Monthly quota exceeded"),
    (429, "Your credit balance is too low"),
    (429, "余额不足"),
    (412, "Account is suspended, possibly due to reaching the monthly spending limit."),
    (500, "insufficient_quota"),
]
OVERLOAD = [
    (429, "Rate limit reached on tokens per min. You can raise it by adding a payment method to your account."),
    (429, "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'"),
    (429, "Quota exceeded for generate_content_requests_per_minute_per_project"),
    (429, "You exceeded your current quota. Please retry in 36s."),
    (429, "Resource has been exhausted (e.g. check quota)."),
    (400, "ThrottlingException: Too many requests"),
    (403, "Rate limit exceeded"),
    (503, "The content filter is overloaded"),
]


def meaning(status: int, message: str, prompt: str = "Name a river.") -> str:
    """Return the kind of an error with this status and message."""
    reply = Reply()
    reply.body = {"error": {"message": message, "code": status}}
    said = said_by(ValueError(), reply)
    return refusal_in(said, prompt) or kind_of(said, prompt)


@pytest.mark.parametrize(
    ("status", "message", "means"),
    [(*case, means) for means, cases in (("content_filter", FILTERED), ("fatal", FATAL)) for case in cases]
    + [(*case, "overload") for case in OVERLOAD]
    + [(status, "boom", "passing") for status in (408, 409, 425, 500, 502, 504, 524)],
)
def test_an_error_is_classified_by_its_status_and_message(status: int, message: str, means: str) -> None:
    assert meaning(status, message) == means


def test_words_that_the_prompt_contains_do_not_decide_the_kind_of_an_error() -> None:
    prompt = "Explain what a content filter is."
    assert meaning(400, f"Cannot read the request: {prompt}", prompt) == "fatal"
    assert meaning(400, f"Cannot read the request: {prompt}") == "content_filter"
    assert meaning(400, "The prompt was flagged by our safety system", prompt) == "content_filter"


def test_the_part_of_a_request_that_an_error_repeats_is_ignored(llm_server: LlmServer, tmp_path: Path) -> None:
    detail = [{"type": "value_error", "msg": "bad", "input": {"content": "The prompt was flagged"}}]
    assert becomes(replying({"detail": detail}, 422), llm_server, tmp_path) == "stops the run"


@given(st.text(), st.integers() | st.none())
def test_any_error_has_a_kind_and_a_finite_wait(words: str, code: int | None) -> None:
    reply = Reply()
    reply.body = {"error": {"message": words, "code": code}}
    said = said_by(ValueError(), reply)
    assert kind_of(said, "") in {"fatal", "overload", "passing"}
    assert 0 <= said.after_seconds < float("inf")


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please retry in 1.2s.", 1.2),
        ("retryDelay: 34s", 34),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1h2m3.5s", 3723.5),
        ("try again in 300ms", 0.3),
        ("Please retry after 6 seconds.", 6),
        ("Retry after 1 minute and 5 seconds", 65),
        ("Please wait 2 minutes", 120),
        ("retry in 1s, or better retry in 4s", 4),
        ("Limit: 15 requests in 60s", 0),
        ("Please try again later.", 0),
        ("Please retry in 5 attempts", 0),
        (f"retry in {'9' * 400}s", 0),
    ],
)
def test_the_seconds_to_wait_are_read_from_the_message(words: str, seconds: float) -> None:
    assert wait_in(words) == pytest.approx(seconds)


def test_the_wait_in_a_message_counts_like_retry_after(llm_server: LlmServer, tmp_path: Path) -> None:
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "86400s"}
    llm_server.behaviour = replying(error("You exceeded your current quota", details=[delay]), 429)
    with pytest.raises(SeedlingError, match="asks to wait another 86400 s") as caught:
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert (caught.value.exit_code, len(llm_server.calls)) == (1, 1)
