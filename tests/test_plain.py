"""Messages of a server on a terminal: one line without control characters."""

import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.contract.errors import SeedlingError, UserError
from stages.llm.plain import one_line, shortened
from tests.environment import environment
from tests.llm_server import Behaviour, Call, LlmServer, Reaction, answering, ask, configure, replying
from tests.repository import ROOT
from tests.test_client import CHAT, KEY_VARIABLE, VLLM, WAYS, Values

CANARY = "sk-canary-5f1d0c77a9b3"
TRACE = 'Traceback (most recent call last):\n  File "/srv/app.py", line 7, in reply\n    raise ValueError("odd")\n'
HOSTILE = "Slow\x1b[31m down\x1b]0;owned\x07,\x9b2J \x00\u202ewol\u2066 please\r\nor\tnot\u2028\x7f\x85\ufeff\u200b"


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    with environment(**{KEY_VARIABLE: CANARY}):
        yield


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("Slow down.", "Slow down.", id="plain"),
        pytest.param("Füße, 你好, नमस्ते, 👍", "Füße, 你好, नमस्ते, 👍", id="other_scripts"),
        pytest.param(HOSTILE, "Slow down, wol please or not", id="all_at_once"),
        pytest.param("a\x1b[1;31mb\x1b[0mc", "abc", id="colours"),
        pytest.param("a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\", "ab", id="link"),
        pytest.param("a\x1b]0;title", "a", id="unfinished_title"),
        pytest.param("a\x1bPq#0\x1b\\b", "ab", id="sixel_image"),
        pytest.param("a\x1bcb\x1b(0c\x1b", "abc", id="reset"),
        pytest.param("a\n\n  b\r\x0bc\u2029d", "a b c d", id="line_breaks"),
        pytest.param("abc\u202edef\u2069", "abcdef", id="text_direction"),
        pytest.param("a\ud83db", "ab", id="lone_surrogate"),
        pytest.param(f"It broke. {TRACE}ValueError: odd", "It broke.", id="traceback"),
        pytest.param(f"{TRACE}ValueError: odd", "ValueError: odd", id="only_a_traceback"),
        pytest.param(
            "<!DOCTYPE html><html><style>p {x: 1}</style><title>502</title><p>Bad gateway</p>",
            "502 Bad gateway",
            id="html_page",
        ),
        pytest.param("max_tokens < 5 and > 3", "max_tokens < 5 and > 3", id="comparison_signs"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_server_message_becomes_one_line_that_is_safe_to_print(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(alphabet=st.characters() | st.sampled_from("\x1b[]P\x07\\\x9b<>m;0")))
def test_no_text_keeps_a_control_character(text: str) -> None:
    line = one_line(text)
    assert not [character for character in line if unicodedata.category(character).startswith("C")]
    assert one_line(line) == line


def test_a_long_text_is_shortened_with_an_ellipsis() -> None:
    assert shortened("x" * 300) == "x" * 300
    assert shortened("x" * 301) == "x" * 299 + "…"


def echo_key_in_pieces(call: Call) -> Reaction:
    """Refuse with the key, interspersed with control characters that hide it from a search."""
    key = call.headers["authorization"].removeprefix("Bearer ")
    return replying({"error": {"message": "\x1b[0m".join(key)}}, 401)(call)


def test_a_key_interspersed_with_control_characters_is_redacted(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = echo_key_in_pieces
    with pytest.raises(UserError, match=r"refused the request: \w+: \*\*\*$"):
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")


@pytest.mark.parametrize("llm", WAYS)
@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(replying({"error": {"message": HOSTILE}}, 500), id="error"),
        pytest.param(replying(f"{HOSTILE}{TRACE}", 500), id="text_with_a_traceback"),
        pytest.param(replying({"error": {"message": HOSTILE, "code": HOSTILE}}), id="error_with_status_200"),
        pytest.param(replying([HOSTILE]), id="unexpected_json_list"),
        pytest.param(answering(text="", finish_reason=f"error {HOSTILE}"), id="finish_reason"),
        pytest.param(answering(usage=HOSTILE), id="usage_as_text"),
        pytest.param(replying(f"<html>{HOSTILE * 50}</html>"), id="html_page"),
    ],
)
def test_a_fatal_server_message_is_one_line_without_control_characters(
    llm: Values, behaviour: Behaviour, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = behaviour
    with pytest.raises(SeedlingError) as caught:
        ask(llm_server.configure(tmp_path, llm, runtime={"attempts": 1}), "Say hello.")
    line = str(caught.value)
    assert line.isprintable()
    assert "Traceback" not in line
    assert len(line) < 500


def ask_in_a_process(folder: str, api_base: str) -> None:
    """Send one request and print the error. Runs in a separate process, to catch what LiteLLM prints too."""
    try:
        ask(configure(VLLM, runtime={"answers_dir": folder, "api_base": api_base, "attempts": 3}), "Say hello.")
    except SeedlingError as error:
        sys.stderr.write(f"{error}\n")


@pytest.mark.slow
def test_no_server_message_reaches_the_terminal_unsanitized(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [answering(text="Hi.", finish_reason=f"error {HOSTILE}"), answering(usage=HOSTILE)]
    llm_server.behaviour = replying({"error": {"message": HOSTILE, "code": 500}})
    arguments = f"{str(tmp_path)!r}, {llm_server.api_base!r}"
    code = f"from tests.test_plain import ask_in_a_process; ask_in_a_process({arguments})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert len(llm_server.calls) == 3
    assert done.stdout == ""
    assert all(line.isprintable() for line in done.stderr.split("\n"))
    assert "Slow down" in done.stderr
    assert all(line.startswith(("generate: ", "hosted_vllm/test: ")) for line in done.stderr.splitlines())


def test_served_by_holds_no_control_characters(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="Hello.", model=f"served\x1b[31m{'x' * 400}")
    [answer] = ask(llm_server.configure(tmp_path, VLLM), "Say hello.")
    assert answer.served_by == shortened(f"served{'x' * 400}")


# A key that HTTP cannot carry


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("sk-first\nsk-second", id="line_break"),
        pytest.param("sk-\x07bell", id="control_character"),
        pytest.param("sk-ключ", id="other_script"),
        pytest.param("“sk-quoted”", id="typographic_quotes"),
        pytest.param("sk-\u200bhidden", id="invisible_character"),
    ],
)
def test_a_key_with_invalid_characters_gives_a_one_line_error_before_any_attempt(
    value: str, llm_server: LlmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        environment(**{KEY_VARIABLE: value}),
        pytest.raises(UserError, match=f"variable {KEY_VARIABLE} holds") as caught,
    ):
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert (caught.value.exit_code, str(caught.value).isprintable()) == (2, True)
    assert value not in str(caught.value)
    assert (llm_server.calls, capsys.readouterr().err) == ([], "")


@pytest.mark.parametrize("value", ["sk-plain\n", " sk-plain ", "sk plain", "EMPTY"])
def test_a_valid_key_is_sent(value: str, llm_server: LlmServer, tmp_path: Path) -> None:
    with environment(**{KEY_VARIABLE: value}):
        ask(llm_server.configure(tmp_path, CHAT), "Say hello.")
    assert llm_server.calls[0].headers["authorization"] == f"Bearer {value.strip()}"


@pytest.mark.parametrize("value", ["sk-first\nsk-second-0123456789", "sk-ключ-0123456789"])
def test_an_invalid_key_that_litellm_finds_itself_gives_a_one_line_error_too(
    value: str, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm = {"provider": "openai", "model": "openai/test"}
    config = configure(llm, runtime={"answers_dir": str(tmp_path), "attempts": 5})
    with (
        environment(OPENAI_API_KEY=value, OPENAI_BASE_URL=llm_server.api_base),
        pytest.raises(UserError, match="holds a character that HTTP cannot carry") as caught,
    ):
        ask(config, "Say hello.")
    assert (caught.value.exit_code, str(caught.value).isprintable(), llm_server.calls) == (2, True, [])
    assert "0123456789" not in str(caught.value)
