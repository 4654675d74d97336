"""One store and many processes: each answer is paid for once, even if a process is killed."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from stages.llm.window import answer_each
from stages.store.answers import AnswerStore
from stages.store.request import Request, Requests
from tests.llm_server import (
    Behaviour,
    Call,
    LlmServer,
    Reaction,
    Section,
    answer,
    ask,
    configure,
    hang,
    requests_of,
    slow,
)
from tests.repository import ROOT, Repository
from tests.test_answers import new_answer
from tests.test_kill import asked, stored
from tests.test_window import wait_until

KEY_VARIABLE = "SEEDLING_TEST_KEY"
OLD_TABLE = "CREATE TABLE answers (key TEXT PRIMARY KEY, request BLOB, answer BLOB)"


# Two processes with the same requests


def ask_and_print(section: str, numbers: list[int], runtime: Section) -> None:
    """Request one answer per number, as a stage does, and print them. Runs in a separate process."""
    changes = {"temperature": 0.0, "num_instructions": len(numbers)}
    config = configure({"api_key_env": KEY_VARIABLE}, changes, runtime)
    requests = requests_of(getattr(config, section), *(f"Say {number}." for number in numbers), max_tokens=100)
    answers = answer_each(section, config.runtime, requests)
    sys.stdout.write(json.dumps([answer.model_dump(mode="json") for answer in answers]))


@contextmanager
def asking(name: str, section: str, numbers: range, **runtime: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a process that runs `ask_and_print`. Its own key tells the server which process sends a request."""
    code = f"from tests.test_shared_store import *; ask_and_print({section!r}, {list(numbers)}, {runtime!r})"
    environment = {**os.environ, KEY_VARIABLE: name}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def answers_of(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Wait for a process to end and return the answers it got."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    answers: list[dict[str, Any]] = json.loads(said)
    return answers


def calls_of(server: LlmServer, name: str) -> list[str]:
    return [call.prompt for call in server.calls if call.headers["authorization"] == f"Bearer {name}"]


def when_both_ask(seconds: float) -> Behaviour:
    """Return the behaviour of a server that answers slowly, and only after two processes have sent a request."""
    names: set[str] = set()
    both = threading.Event()

    def react(call: Call) -> Reaction:
        names.add(call.headers["authorization"])
        if len(names) == 2:
            both.set()
        assert both.wait(60)
        return slow(seconds)(call)

    return react


@pytest.mark.slow
def test_two_processes_that_share_a_store_send_each_request_once(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = when_both_ask(0.05)
    reach = {"api_base": llm_server.api_base, "answers_dir": str(tmp_path)}
    with (
        asking("first", "generate", range(40), concurrency=4, **reach) as first,
        asking("second", "classify", range(20, 60), concurrency=7, **reach) as second,
    ):
        answers = answers_of(first), answers_of(second)
    assert Counter(call.prompt for call in llm_server.calls) == Counter(f"Say {number}." for number in range(60))
    assert answers[0][20:] == answers[1][:20]


@pytest.mark.slow
def test_the_requests_of_a_killed_process_are_taken_over_at_once(llm_server: LlmServer, tmp_path: Path) -> None:
    """The one extra request of the second process shows that it has started and waits for the first."""
    llm_server.behaviour = lambda call: answer(call) if call.prompt == "Say 8." else hang(call)
    reach = {"api_base": llm_server.api_base, "answers_dir": str(tmp_path), "concurrency": 4}
    with asking("first", "generate", range(8), **reach) as first:
        wait_until(lambda: llm_server.in_flight == 4)
        with asking("second", "generate", range(9), **reach) as second:
            wait_until(lambda: bool(calls_of(llm_server, "second")))
            time.sleep(0.5)
            assert calls_of(llm_server, "second") == ["Say 8."]
            llm_server.behaviour = answer
            first.kill()
            killed = time.monotonic()
            wait_until(lambda: len(calls_of(llm_server, "second")) > 1)
            assert time.monotonic() - killed < 3
            assert len(answers_of(second)) == 9
    lost = calls_of(llm_server, "first")
    assert len(lost) == 4
    assert sorted(calls_of(llm_server, "second")) == [f"Say {number}." for number in range(9)]


@pytest.mark.slow
def test_a_process_waits_for_the_requests_in_flight_of_a_terminated_one_and_takes_over_the_rest(
    llm_server: LlmServer, tmp_path: Path
) -> None:
    llm_server.behaviour = when_both_ask(3)
    reach = {"api_base": llm_server.api_base, "answers_dir": str(tmp_path), "concurrency": 4}
    with asking("first", "generate", range(12), **reach) as first:
        wait_until(lambda: llm_server.in_flight == 4)
        with asking("second", "generate", range(13), **reach) as second:
            wait_until(lambda: bool(calls_of(llm_server, "second")))
            llm_server.behaviour = slow(0.05)
            first.terminate()
            assert len(answers_of(second)) == 13
    assert Counter(call.prompt for call in llm_server.calls) == Counter(f"Say {number}." for number in range(13))
    assert len(calls_of(llm_server, "first")) == 4


@pytest.mark.slow
@pytest.mark.parametrize("shared", ["answers_dir", "cache"])
def test_two_clones_that_share_a_store_pay_once_and_write_the_same_bytes(
    finished: Repository, llm_server: LlmServer, tmp_path: Path, shared: str
) -> None:
    """Without DVC's run cache, in which simultaneous look-ups of two processes sometimes fail."""
    llm_server.behaviour = slow(0.1)
    clones = [finished.copy(tmp_path / name / "clone") for name in ("one", "two")]
    started = []
    for concurrency, clone in enumerate(clones, 4):
        clone.choose("llm=vllm")
        runtime = {"api_base": llm_server.api_base, "concurrency": concurrency}
        if shared == "answers_dir":
            runtime["answers_dir"] = str(tmp_path / "store")
        else:
            clone.write(".dvc/config.local", f"[cache]\n    dir = {tmp_path / 'cache'}\n")
        command = ("python", "-m", "dvc", "repro", "--no-run-cache")
        started.append(clone.start(*command, SEEDLING_RUNTIME=json.dumps(runtime)))
    assert [process.wait(120) for process in started] == [0, 0], [clone.output() for clone in clones]
    assert clones[0].data() == clones[1].data()
    assert clones[0].data() != finished.data()
    calls = [asked(call) for call in llm_server.calls]
    assert len(calls) == len(set(calls)) >= 24
    folder = tmp_path / ("store" if shared == "answers_dir" else "cache/answers")
    assert stored(folder) == set(calls)


# Replays


def test_a_changed_url_replays_and_a_changed_endpoint_name_does_not(tmp_path: Path) -> None:
    with LlmServer() as before, LlmServer() as after:
        first = ask(before.configure(tmp_path), "Say hello.", "Say hello.", "Say goodbye.")
        assert ask(after.configure(tmp_path), "Say hello.", "Say hello.", "Say goodbye.") == first
        assert after.calls == []
        ask(after.configure(tmp_path, {"endpoint": "east"}), "Say hello.", "Say hello.", "Say goodbye.")
        assert len(after.calls) == 3


WATCHED = """
import json, runpy, socket, sys
seen = set()
def watch(event, arguments):
    if event == "import" and arguments[0].partition(".")[0] in ("litellm", "openai", "httpx"):
        seen.add(arguments[0].partition(".")[0])
    own_pair = event == "socket.__new__" and arguments[1] == socket.AF_UNIX
    if event.startswith("socket.") and event != "socket.gethostname" and not own_pair:
        seen.add(event)
sys.addaudithook(watch)
runpy.run_module(sys.argv[1], run_name="__main__")
print(json.dumps(sorted(seen)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classify", "generate", "instantiate"])
def test_a_replayed_stage_needs_no_socket_no_litellm_and_no_key(
    repository: Repository, llm_server: LlmServer, name: str
) -> None:
    """The socket pair of the event loop itself (AF_UNIX) does not count."""
    repository.choose("llm=openai", "llm.model=openai/test")
    runtime = json.dumps({"api_base": llm_server.api_base, "max_cost_usd": None})
    seen = []
    for key in ("sk-test", ""):
        environment = {"SEEDLING_RUNTIME": runtime, "OPENAI_API_KEY": key}
        done = repository.run("python", "-c", WATCHED, f"stages.{name}", **environment)
        assert done.returncode == 0, done.stderr
        seen.append(json.loads(done.stdout))
    assert {"litellm", "socket.connect"} <= set(seen[0])
    assert seen[1] == []


# A new store


def open_together(folders: list[str]) -> None:
    """Open each store in six processes at the same moment and store an answer. Runs in a separate process."""
    for folder in folders:
        requests = Requests(configure().generate)
        reading, writing = os.pipe()
        children = [_fork(folder, requests.make("Say hello.", 100), reading, writing) for _ in range(6)]
        os.close(reading)
        os.close(writing)  # closing the pipe releases all children at once
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6


def _fork(folder: str, request: Request, reading: int, writing: int) -> int:
    if child := os.fork():
        return child
    os.close(writing)
    os.read(reading, 1)
    with closing(AnswerStore(Path(folder))) as store:
        store.put(request, new_answer(request))
    os._exit(0)


@pytest.mark.slow
@pytest.mark.parametrize(("schema", "stores"), [(0, 30), (1, 5)], ids=["fresh", "schema_1"])
def test_processes_can_open_a_store_at_the_same_moment(tmp_path: Path, schema: int, stores: int) -> None:
    folders = [tmp_path / str(number) for number in range(stores)]
    for folder in folders if schema else []:
        folder.mkdir()
        with closing(sqlite3.connect(folder / "answers.sqlite")) as connection:
            connection.executescript(f"{OLD_TABLE}; PRAGMA user_version = 1;")
    code = f"from tests.test_shared_store import *; open_together({[str(folder) for folder in folders]})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    for folder in folders:
        with closing(AnswerStore(folder)) as store:
            assert len(list(store.all())) == 6


def test_a_store_of_schema_1_is_upgraded_and_replays_its_answers(llm_server: LlmServer, tmp_path: Path) -> None:
    config = llm_server.configure(tmp_path)
    request = Requests(config.generate).make("Say hello.", 1000)
    packed = [zlib.compress(text) for text in (request.canonical, new_answer(request).model_dump_json().encode())]
    with closing(sqlite3.connect(tmp_path / "answers.sqlite")) as connection, connection:
        connection.execute(OLD_TABLE)
        connection.execute("INSERT INTO answers VALUES (?, ?, ?)", (request.key, *packed))
        connection.execute("PRAGMA user_version = 1")
    assert ask(config, "Say hello.") == [new_answer(request)]
    assert llm_server.calls == []
    assert len(ask(config, "Say hello.", "Say goodbye.")) == 2
    with closing(AnswerStore(tmp_path)) as store:
        assert [line.stored > 0 for line in store.all() if line.answer.key == request.key] == [False]
        assert len(list(store.all())) == 2


# A stage whose parent is killed

SEEDLING = ("python", "-m", "stages.commands.cli", "run")
DVC = ("python", "-m", "dvc", "repro")
STAGE = ("python", "-m", "stages", "classify")
PROGRAM = "python -c 'from dvc.repo import Repo; Repo().reproduce()'"
SHELLS = ["bash", "dash"]
"""bash replaces itself with its last command; dash waits for it."""


def store_of(repository: Repository) -> Path:
    return repository.root.parent / "store"


def start(
    repository: Repository, server: LlmServer, *command: str, concurrency: int, shell: str = "sh"
) -> subprocess.Popen[bytes]:
    """Start a command that runs `classify`: 12 requests and a new store. DVC runs its stage in `shell`."""
    runtime = {"api_base": server.api_base, "concurrency": concurrency, "answers_dir": str(store_of(repository))}
    return repository.start(*command, SEEDLING_RUNTIME=json.dumps(runtime), SHELL=shell)


def stage_in(repository: Repository) -> psutil.Process | None:
    for process in repository.processes():
        with suppress(psutil.Error):  # the process has ended
            if process.cmdline()[1:] == list(STAGE[1:]):
                return process
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(DVC, id="dvc"),
        pytest.param(SEEDLING, id="seedling"),
        pytest.param(("sh", "-c", f"{' '.join(STAGE)}; true"), id="shell"),
    ],
)
def test_a_stage_whose_parent_is_killed_stops_and_stores_the_answers_in_flight(
    repository: Repository, llm_server: LlmServer, command: tuple[str, ...]
) -> None:
    llm_server.behaviour = slow(1)
    repository.choose("llm@classify.llm=vllm")
    process = start(repository, llm_server, *command, concurrency=4)
    wait_until(lambda: llm_server.in_flight == 4)
    stage = stage_in(repository)
    assert stage
    process.kill()
    process.wait()
    wait_until(lambda: not stage_in(repository))
    assert stored(store_of(repository)) == {asked(call) for call in llm_server.calls}
    assert len(llm_server.calls) == 4
    wait_until(lambda: not repository.processes())
    assert "classify: stopped; every answer received is stored" in repository.output()


HEIR = f"""
import ctypes, os, subprocess
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
subprocess.Popen({list(DVC)})
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("inherits", ["first_process", "heir"])
def test_a_stage_stops_if_dvc_is_killed_before_the_first_request(
    repository: Repository, llm_server: LlmServer, tmp_path: Path, inherits: str, shell: str
) -> None:
    """Orphans go to the first process, or to a parent that adopts them, such as the manager of a session."""
    llm_server.behaviour = slow(0.5)
    repository.choose("llm@classify.llm=vllm")
    heir, script = tmp_path / "heir", tmp_path / "heir.py"
    heir.symlink_to(sys.executable)
    script.write_text(HEIR, "utf-8")
    command = DVC if inherits == "first_process" else (str(heir), str(script))
    process = start(repository, llm_server, *command, concurrency=2, shell=shell)
    wait_until(lambda: stage_in(repository) is not None)
    stage = stage_in(repository)
    assert stage
    (dvc,) = (above for above in stage.parents() if "dvc" in above.cmdline())
    dvc.kill()
    process.wait()
    wait_until(lambda: not repository.processes())
    assert len(llm_server.calls) <= 2
    assert stored(store_of(repository)) == {asked(call) for call in llm_server.calls}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("command", "shell_dies"),
    [
        pytest.param(SEEDLING, False, id="seedling"),
        pytest.param(DVC, False, id="dvc"),
        pytest.param(("sh", "-c", f"(sleep 0.1; exec {PROGRAM}) & exit"), False, id="python_program"),
        pytest.param(STAGE, False, id="direct"),
        pytest.param(("sh", "-c", f"(sleep 0.1; exec {' '.join(STAGE)}) & exit"), False, id="detached"),
        pytest.param(("sh", "-c", f"nohup {' '.join(SEEDLING)}; true"), True, id="seedling_left_behind"),
        pytest.param(("sh", "-c", f"nohup {' '.join(DVC)}; true"), True, id="dvc_left_behind"),
    ],
)
def test_a_stage_runs_to_its_end_however_it_was_started(
    repository: Repository, llm_server: LlmServer, command: tuple[str, ...], shell_dies: bool, shell: str
) -> None:
    llm_server.behaviour = slow(0.3)
    repository.choose("llm@classify.llm=vllm")
    before = repository.read("data/classified.jsonl")
    process = start(repository, llm_server, *command, concurrency=1, shell=shell)
    if shell_dies:
        wait_until(lambda: len(llm_server.calls) > 1)
        process.kill()
    assert process.wait(60) == (-9 if shell_dies else 0)
    wait_until(lambda: not repository.processes())
    assert len(llm_server.calls) == 12
    assert "stopped" not in repository.output()
    assert len(repository.rows("data/answers/classify.jsonl")) == 12
    assert repository.read("data/classified.jsonl") != before
