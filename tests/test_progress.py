"""What a stage that calls a model prints before, during and after its requests; a replay prints nothing."""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import chdir, redirect_stderr, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from stages.contract.errors import SeedlingError
from stages.contract.files import load_yaml
from stages.contract.records import Answer
from stages.llm.changes import changed_since_lock
from stages.llm.window import answer_each
from tests.llm_server import Behaviour, Call, LlmServer, Reaction, answering, ask, configure, failing, requests_of, slow
from tests.repository import ROOT, Repository
from tests.test_client import Values
from tests.test_window import Chain, prompts

MODEL = "openai/test"
PAID: Values = {"provider": "openai", "model": MODEL}
PRICE: Values = {
    "price": {MODEL: {"input_usd_per_mtok": 0.0, "cached_input_usd_per_mtok": 0.0, "output_usd_per_mtok": 100.0}},
    "max_cost_usd": 5.0,
}
"""An answer of 1,000 tokens costs 0.10 USD."""
USAGE = {"prompt_tokens": 10, "completion_tokens": 200, "total_tokens": 210}
HELLO = answering(text="Hello.", finish_reason="stop", usage=USAGE)


# Before money is spent


@pytest.mark.parametrize(
    ("llm", "runtime", "stored", "line"),
    [
        pytest.param(PAID, PRICE, 0, "0 stored answers applied, about 5 new calls, up to about 0.50 USD (cap 5 USD)"),
        pytest.param(PAID, PRICE, 2, "2 stored answers applied, about 3 new calls, about 0.0600 USD (cap 5 USD)"),
        pytest.param(
            PAID,
            {**PRICE, "max_cost_usd": None},
            0,
            "0 stored answers applied, about 5 new calls, up to about 0.50 USD",
        ),
        pytest.param(PAID, {}, 2, "2 stored answers applied, about 3 new calls, price not known"),
        pytest.param({}, {}, 4, "4 stored answers applied, about 1 new calls, no cost"),
    ],
    ids=["nothing_stored", "some_stored", "no_cap", "price_not_known", "own_machine"],
)
def test_calls_and_cost_are_announced_before_the_first_request(
    llm: Values, runtime: Values, stored: int, line: str, tmp_path: Path
) -> None:
    heard: list[str] = []

    def listen(call: Call) -> Reaction:
        heard.append(stderr.getvalue())
        return HELLO(call)

    with LlmServer() as server, redirect_stderr(stderr := io.StringIO()):
        server.behaviour = HELLO
        config = server.configure(tmp_path, llm, runtime={"concurrency": 1, **runtime})
        ask(config, *prompts(stored))
        stderr.truncate(stderr.seek(0))
        server.behaviour = listen
        ask(config, *prompts(5))
    assert heard[0].splitlines()[0] == f"generate: {line}"
    assert len(heard) == 5 - stored


def test_a_finished_repository_has_no_changes_since_dvc_lock(finished: Repository) -> None:
    with chdir(finished.root):
        names = list(load_yaml("dvc.yaml")["stages"])
        assert {name: changed_since_lock(name, "dvc.yaml") for name in names} == {name: [] for name in names}


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        pytest.param([("params.yaml", "max_tokens: 16", "max_tokens: 20")], "classify.max_tokens (16 -> 20)", id="key"),
        pytest.param(
            [("prompts/chat/classify.j2", "{#", "\n{#"), ("params.yaml", "temperature: 0.0", "temperature: null")],
            "classify.temperature (0.0 -> null), prompts/chat/classify.j2",
            id="key_and_prompt",
        ),
        pytest.param([("stages/store/locks.py", '"""', '"""Again: ')], "stages/store", id="code_folder"),
        pytest.param([("data/instructions.jsonl", '"id"', '"id" ')], "data/instructions.jsonl", id="earlier_stage"),
        pytest.param(
            [
                ("params.yaml", "max_tokens: 16", "max_tokens: 20\n  extra: {a: 1, b: 2, c: 3, d: 4, e: 5}"),
                ("stages/classify.py", '"""', '"""Again: '),
            ],
            "classify.max_tokens (16 -> 20), classify.extra.a (null -> 1), classify.extra.b (null -> 2), "
            "classify.extra.c (null -> 3), classify.extra.d (null -> 4) and 2 more",
            id="more_than_five",
        ),
    ],
)
def test_changes_since_dvc_lock_are_listed_with_both_values(
    edits: Sequence[tuple[str, str, str]],
    line: str,
    repository: Repository,
    llm_server: LlmServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for edit in edits:
        repository.replace(*edit)
    config = llm_server.configure(repository.root)
    with chdir(repository.root):
        answer_each("classify", config.runtime, requests_of(config.classify, "Say hello.", max_tokens=16))
    assert capsys.readouterr().err.splitlines()[1] == f"classify: changed since dvc.lock: {line}"


def test_a_run_without_changes_lists_none(
    finished: Repository, llm_server: LlmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = llm_server.configure(tmp_path)
    with chdir(finished.root):
        answer_each("classify", config.runtime, requests_of(config.classify, "Say hello.", max_tokens=16))
    announced, figures = capsys.readouterr().err.splitlines()
    assert announced.startswith("classify: 0 stored answers applied, about 1 new calls")
    assert figures.startswith("classify: 1 requests, ")


# During the run


def progress_lines(said: str, count: int) -> list[str]:
    """Return the lines between the announcement and the final figures, such as: generate: 4 of 40 answers, …."""
    return [line for line in said.splitlines() if re.match(rf"generate: [\d,]+ of {count:,} answers, \d", line)]


def test_a_short_run_prints_no_progress_lines(
    llm_server: LlmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(llm_server.configure(tmp_path), *prompts(40))
    assert progress_lines(capsys.readouterr().err, 40) == []


class TimedStream(io.StringIO):
    """A stream that records the time of each line."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, float] = {}

    def write(self, text: str) -> int:
        self.times.setdefault(text.strip(), time.monotonic())
        return super().write(text)


@pytest.mark.slow
def test_a_long_run_prints_at_most_one_progress_line_in_five_seconds(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = slow(0.6)
    with redirect_stderr(stderr := TimedStream()):
        ask(llm_server.configure(tmp_path, runtime={"concurrency": 1}), *prompts(20))
    lines = progress_lines(stderr.getvalue(), 20)
    times = [stderr.times[line] for line in lines]
    assert len(lines) == 2
    assert [later - earlier >= 5 for earlier, later in pairwise([stderr.times[_first(stderr)], *times])] == [True] * 2
    assert all(re.search(r", \d+ requests, [\d,]+ tokens/s$", line) for line in lines)


def _first(stderr: TimedStream) -> str:
    return stderr.getvalue().splitlines()[0]


class EndsEarly(Chain):
    """A run that ends long before its target."""

    def commit(self, index: int, answer: Answer) -> bool:
        return super().commit(index, answer) or index == 8


@pytest.mark.slow
def test_a_run_that_makes_no_progress_prints_no_progress_lines(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = slow(1.3)
    with redirect_stderr(stderr := io.StringIO()):
        EndsEarly(llm_server.configure(tmp_path, runtime={"concurrency": 1}), 100, window=1).run()
    assert len(llm_server.calls) >= 9
    assert progress_lines(stderr.getvalue(), 100) == []


@pytest.mark.slow
def test_a_long_wait_of_a_request_is_reported_once(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [failing(429, "slow down", retry_after="10")] * 2
    with redirect_stderr(stderr := io.StringIO()):
        ask(llm_server.configure(tmp_path), *prompts(2))
    assert stderr.getvalue().count("\ngenerate: a request waits 10 s: RateLimitError: ") == 1
    assert "pausing" not in stderr.getvalue()


@pytest.mark.slow
def test_a_pause_of_two_seconds_is_explained(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [failing(429, "slow down", retry_after="2")] * 3
    with redirect_stderr(stderr := io.StringIO()):
        ask(llm_server.configure(tmp_path), *prompts(3))
    assert "\ngenerate: pausing 2 s: RateLimitError: " in stderr.getvalue()


STATE = re.compile(
    r"generate: (?P<accepted>\d+)/30, (?:\d\d:\d\d|\?) left, (?P<sent>\d+) requests, [\d,]+ tokens/s, "
    r"(?P<spent>[\d.]+) of 5 USD spent"
)


def ask_on_terminal(folder: str, api_base: str) -> None:
    """Request 30 answers. Runs in a separate process."""
    reach = {"answers_dir": folder, "api_base": api_base, "concurrency": 2}
    ask(configure(PAID, runtime={**reach, **PRICE}), *prompts(30))


def seen_on_terminal(columns: int, code: str) -> str:
    """Return what a process prints on a terminal of the given width as its stderr."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", code], stderr=terminal, cwd=ROOT)
    os.close(terminal)
    seen = b""
    with suppress(OSError):  # EIO: the process has closed the terminal
        while part := os.read(reader, 4096):
            seen += part
    os.close(reader)
    assert process.wait(60) == 0
    return seen.decode()


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 140])
def test_a_terminal_shows_progress_on_one_line(columns: int, llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = lambda call: replace(HELLO(call), delay_seconds=0.1)
    call = f"ask_on_terminal({str(tmp_path)!r}, {llm_server.api_base!r})"
    seen = seen_on_terminal(columns, f"from tests.test_progress import ask_on_terminal; {call}")
    *_, line, nothing = seen.split("\r\n")
    _, *drawn, blank, figures = line.split("\r")
    states = [STATE.match(text) for text in drawn]
    accepted, sent, spent = (
        [float(state[name]) for state in states if state] for name in ("accepted", "sent", "spent")
    )
    assert len(drawn) == len(accepted) > 5
    assert max(map(len, drawn)) < columns
    assert (blank.strip(), nothing) == ("", "")
    assert figures.startswith("generate: 30 requests, ")
    assert (accepted[0], sent[0], spent[0]) == (0, 0, 0)
    assert accepted == sorted(accepted)
    assert 20 < accepted[-1] <= sent[-1] <= 30
    assert 0.02 * accepted[-1] <= spent[-1] <= 0.60


@pytest.mark.slow
def test_the_progress_line_is_redrawn_while_no_answer_comes(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [HELLO] * 4 + [slow(2.6)] * 2
    call = f"ask_on_terminal({str(tmp_path)!r}, {llm_server.api_base!r})"
    seen = seen_on_terminal(80, f"from tests.test_progress import ask_on_terminal; {call}")
    assert len(re.findall(r"\rgenerate: 4/30, \S+ left, 6 requests", seen)) >= 2


@pytest.mark.slow
def test_an_unreadable_dvc_lock_stops_the_stage_before_the_first_request(
    repository: Repository, llm_server: LlmServer
) -> None:
    repository.choose("llm=vllm")
    repository.write("dvc.lock", "stages: [")
    done = repository.stage("classify", SEEDLING_RUNTIME=json.dumps({"api_base": llm_server.api_base}))
    assert done.returncode == 2
    assert "classify: dvc.lock: is not YAML" in done.stderr
    assert llm_server.calls == []


# After the run


@pytest.mark.parametrize(
    ("llm", "runtime", "figures"),
    [
        pytest.param(PAID, PRICE, r"3 requests, [\d,]+ tokens/s, 0\.0600 of 5 USD spent", id="cap"),
        pytest.param(
            PAID, {**PRICE, "max_cost_usd": None}, r"3 requests, [\d,]+ tokens/s, 0\.0600 USD spent", id="no_cap"
        ),
        pytest.param(PAID, {}, r"3 requests, [\d,]+ tokens/s", id="price_not_known"),
        pytest.param({}, {}, r"3 requests, [\d,]+ tokens/s", id="local_model"),
    ],
)
def test_the_last_line_counts_requests_and_spending(
    llm: Values, runtime: Values, figures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LlmServer() as server:
        server.behaviour = HELLO
        ask(server.configure(tmp_path, llm, runtime=runtime), *prompts(3))
    assert re.fullmatch(f"generate: {figures}", capsys.readouterr().err.splitlines()[-1])


@pytest.mark.parametrize(
    ("behaviour", "figures"),
    [
        pytest.param(HELLO, r"2 requests, [\d,]+ tokens/s, 0\.0200 of 5 USD spent, 1 failed", id="before_an_answer"),
        pytest.param(failing(401), r"2 requests, 0 tokens/s, 0\.00 of 5 USD spent, 2 failed", id="at_the_end"),
    ],
)
def test_the_last_line_counts_failed_requests_too(
    behaviour: Behaviour, figures: str, llm_server: LlmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    llm_server.script += [failing(500, retry_after="0.05")]
    llm_server.behaviour = behaviour
    with suppress(SeedlingError):
        ask(llm_server.configure(tmp_path, PAID, runtime=PRICE), "Say hello.")
    assert re.fullmatch(f"generate: {figures}", capsys.readouterr().err.splitlines()[-1])


def test_a_replay_prints_nothing(llm_server: LlmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = llm_server.configure(tmp_path, PAID, runtime=PRICE)
    first = ask(config, *prompts(3))
    capsys.readouterr()
    assert ask(config, *prompts(3)) == first
    assert capsys.readouterr() == ("", "")
