"""The ordered window: requests in parallel, commits in order, and no answer lost at the end."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stages.contract.config import Config
from stages.contract.errors import SeedlingError, StoppedError, UserError
from stages.contract.records import Answer
from stages.draw.order import commits_before
from stages.llm.window import answer_in_order
from stages.store.answers import AnswerStore
from stages.store.request import Request, Requests
from tests.llm_server import Behaviour, Call, LlmServer, Reaction, answering, ask, configure, failing, hang, slow
from tests.repository import ROOT

WINDOWS = [1, 2, 3, 4, 5, 32, 128]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def prompts(count: int) -> list[str]:
    return [f"Say {number}." for number in range(count)]


def echo(call: Call) -> Reaction:
    """Repeat the prompt after 0 to 30 ms, depending on its hash."""
    delay_seconds = hashlib.sha256(call.prompt.encode()).digest()[0] / 255 * 0.03
    said = answering(text=f"You said: {call.prompt}", finish_reason="stop")(call)
    return replace(said, delay_seconds=delay_seconds)


# What a request sees


@pytest.mark.parametrize(
    ("index", "window", "commits"),
    [
        (0, 128, 0),
        (3, 128, 0),
        (4, 128, 1),
        (100, 128, 50),
        (254, 128, 127),
        (255, 128, 128),
        (1000, 128, 873),
        (10, 1, 10),
        (10, 2, 9),
        (10, 5, 6),
    ],
)
def test_a_request_sees_the_expected_number_of_commits(index: int, window: int, commits: int) -> None:
    assert commits_before(index, window) == commits


@pytest.mark.parametrize("window", WINDOWS)
def test_later_requests_never_see_fewer_commits(window: int) -> None:
    seen = [commits_before(index, window) for index in range(1000)]
    assert seen == sorted(seen)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_request_sees_only_earlier_commits_and_misses_fewer_than_the_window(window: int) -> None:
    missed = [index - commits_before(index, window) for index in range(1000)]
    assert min(missed) >= 0
    assert max(missed) == window - 1


# Order


class Chain:
    """Requests that depend on earlier answers, as in bootstrapping."""

    unit = "answers"

    def __init__(self, config: Config, count: int, window: int) -> None:
        self.config = config
        self.answers: list[Answer] = []
        self.target = count
        self._window = window
        self._requests = Requests(config.generate)

    def run(self) -> list[str]:
        """Return the texts in the order of commits."""
        answer_in_order("generate", self.config.runtime, self)
        return [answer.text for answer in self.answers]

    @property
    def done(self) -> int:
        return len(self.answers)

    @property
    def requests_left(self) -> int:
        return self.target - self.done

    def may_launch(self, index: int, committed: int) -> bool:
        return committed >= commits_before(index, self._window)

    def prepare(self, index: int) -> Request:
        shown = "".join(answer.text for answer in self.answers[: commits_before(index, self._window)])
        prompt = f"{index}, after {hashlib.sha256(shown.encode()).hexdigest()}"
        return self._requests.make(prompt, 1000)

    def commit(self, index: int, answer: Answer) -> bool:
        assert index == len(self.answers)
        self.answers.append(answer)
        return len(self.answers) == self.target


class Eager(Chain):
    """Requests that depend on no answer; the run ends at the first commit."""

    prepared = 0

    def may_launch(self, index: int, committed: int) -> bool:
        return True

    def prepare(self, index: int) -> Request:
        self.prepared += 1
        return self._requests.make(f"Say {index}.", 1000)

    def commit(self, index: int, answer: Answer) -> bool:
        return True


def test_answers_come_in_the_order_of_the_prompts(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = echo
    answers = ask(llm_server.configure(tmp_path), *prompts(40))
    assert [answer.text for answer in answers] == [f"You said: {prompt}" for prompt in prompts(40)]


def test_no_prompts_send_no_request(llm_server: LlmServer, tmp_path: Path) -> None:
    assert (ask(llm_server.configure(tmp_path)), llm_server.calls) == ([], [])


@pytest.mark.slow
def test_concurrency_changes_neither_prompts_nor_answers(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = echo
    texts = {}
    for concurrency in (1, 8, 32):
        folder = tmp_path / str(concurrency)
        config = llm_server.configure(folder, runtime={"concurrency": concurrency})
        texts[concurrency] = Chain(config, 40, window=16).run()
    assert len(texts[1]) == 40
    assert texts[1] == texts[8] == texts[32]


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_requests_in_flight_reach_the_concurrency_and_no_more(
    concurrency: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = slow(0.05 * concurrency)
    ask(llm_server.configure(tmp_path, runtime={"concurrency": concurrency}), *prompts(16))
    assert llm_server.max_in_flight == concurrency


# The end


def test_nothing_is_committed_after_the_commit_that_ends_the_run(llm_server: LlmServer, tmp_path: Path) -> None:
    chain = Chain(llm_server.configure(tmp_path, runtime={"concurrency": 4}), 10, window=16)
    assert len(chain.run()) == len(chain.answers) == 10


def test_requests_still_queued_at_the_end_are_never_sent(llm_server: LlmServer, tmp_path: Path) -> None:
    """The first answer ends the run while the second is still in flight, so at most the third takes its place."""
    llm_server.behaviour = lambda call: slow(0.2 if call.prompt == "Say 0." else 1.0)(call)
    config = llm_server.configure(tmp_path, runtime={"concurrency": 2})
    work = Eager(config, 40, window=1)
    work.run()
    assert work.prepared == 8
    assert len(llm_server.calls) <= 3


def test_answers_in_flight_at_the_end_are_stored(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = slow(0.05)
    config = llm_server.configure(tmp_path, runtime={"concurrency": 4})
    Chain(config, 4, window=16).run()
    Chain(config, 20, window=16).run()
    asked = [call.prompt for call in llm_server.calls]
    assert len(asked) == len(set(asked))


def test_a_permanent_error_ends_the_run_and_stores_the_answers_in_flight(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = slow(0.3)
    llm_server.script.append(failing(401))
    config = llm_server.configure(tmp_path, runtime={"concurrency": 4})
    with pytest.raises(UserError, match="refused the request"):
        ask(config, *prompts(40))
    _, *answered = llm_server.calls
    assert len(answered) <= 4
    assert stored(config) == {call.prompt for call in answered}


def stored(config: Config) -> set[str]:
    """Return which of the first 40 prompts are in the store."""
    requests = Requests(config.generate)
    assert config.runtime.answers_dir
    with closing(AnswerStore(Path(config.runtime.answers_dir))) as store:
        return {prompt for prompt in prompts(40) if store.get(requests.make(prompt, 1000).key)}


# Signals


def ask_and_exit(folder: str, api_base: str) -> None:
    """Request 40 answers, 4 in parallel, and exit as a stage does. Runs in a separate process."""
    runtime = {"answers_dir": folder, "api_base": api_base, "concurrency": 4, "grace_seconds": 20}
    try:
        ask(configure(runtime=runtime), *prompts(40))
    except SeedlingError as error:
        sys.exit(error.exit_code)


@contextmanager
def asking(server: LlmServer, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process and yield it once its first 4 requests are in flight."""
    code = f"from tests.test_window import ask_and_exit; ask_and_exit({str(folder)!r}, {server.api_base!r})"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        try:
            wait_until(lambda: server.in_flight == 4)
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        pytest.param(signal.SIGINT, 130, id="SIGINT"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
    ],
)
def test_a_signal_stops_new_requests_and_stores_the_answers_in_flight(
    number: signal.Signals, exit_code: int, llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = slow(1)
    with asking(llm_server, tmp_path) as process:
        process.send_signal(number)
        assert process.wait(20) == exit_code
    assert len(llm_server.calls) == 4
    assert stored(llm_server.configure(tmp_path)) == {call.prompt for call in llm_server.calls}


def test_a_second_signal_ends_the_run_at_once(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = hang
    with asking(llm_server, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def interrupting(behaviour: Behaviour) -> Behaviour:
    """Return a behaviour that sends SIGINT to this process, as Ctrl-C does, before it answers."""

    def interrupt(call: Call) -> Reaction:
        os.kill(os.getpid(), signal.SIGINT)
        return behaviour(call)

    return interrupt


def test_a_run_stops_waiting_after_grace_seconds(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = interrupting(hang)
    started = time.monotonic()
    with pytest.raises(StoppedError, match="every answer received is stored"):
        ask(llm_server.configure(tmp_path, runtime={"grace_seconds": 0.3, "concurrency": 1}), *prompts(3))
    assert 0.3 <= time.monotonic() - started < 5


@pytest.mark.slow
def test_requests_in_flight_at_a_permanent_error_may_run_until_their_deadline(
    llm_server: LlmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    llm_server.script += [slow(3), failing(401)]
    reach = {"concurrency": 2, "grace_seconds": 0.1, "deadline_seconds": 10}
    config = llm_server.configure(tmp_path, runtime=reach)
    with pytest.raises(UserError):
        ask(config, *prompts(2))
    assert len(stored(config)) == 1
    assert "waiting up to 8 s for requests in flight; Ctrl-C drops them" in capsys.readouterr().err


@pytest.mark.slow
def test_a_signal_after_a_permanent_error_drops_the_requests_in_flight(llm_server: LlmServer, tmp_path: Path) -> None:
    timer = threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT))

    def refuse(call: Call) -> Reaction:
        timer.start()
        return failing(401)(call)

    llm_server.script += [hang, refuse]
    started = time.monotonic()
    with pytest.raises(UserError):
        ask(llm_server.configure(tmp_path, runtime={"concurrency": 2, "deadline_seconds": 60}), *prompts(2))
    timer.join()
    assert time.monotonic() - started < 30


@pytest.mark.slow
def test_a_retry_goes_before_requests_that_were_never_sent(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [failing(500, retry_after="0.05")]
    llm_server.behaviour = slow(0.3)
    ask(llm_server.configure(tmp_path, runtime={"concurrency": 1}), *prompts(8))
    asked = [call.prompt for call in llm_server.calls]
    assert asked.index(prompts(1)[0], 1) == 3


def test_a_run_resumes_where_a_signal_stopped_it(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [echo, echo, interrupting(echo)]
    llm_server.behaviour = echo
    config = llm_server.configure(tmp_path, runtime={"concurrency": 1})
    with pytest.raises(StoppedError):
        ask(config, *prompts(10))
    assert len(ask(config, *prompts(10))) == 10
    assert [call.prompt for call in llm_server.calls] == prompts(10)
