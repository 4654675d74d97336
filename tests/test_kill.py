"""kill -9 at any moment: a rerun writes the same bytes, and no stored answer is asked for again."""

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.llm.wire import sent_seed
from stages.models.book.book import tasks
from stages.store.answers import AnswerStore
from stages.store.request import Request
from tests.llm_server import Call, LlmServer, Reaction, configure, slow
from tests.repository import Repository
from tests.test_window import wait_until

CONCURRENCY = 4
LATENCY_SECONDS = 0.03
READS = {"classify": "data/instructions.jsonl", "instantiate": "data/classified.jsonl"}

Asked = tuple[str, int]
"""The prompt and the seed, which identify a request on the server."""


def asked(call: Call) -> Asked:
    return call.prompt, call.body["seed"]


def stored(folder: Path) -> set[Asked]:
    """Return the requests that a store holds answers to."""
    with closing(AnswerStore(folder)) as store:
        return {_asked_by(line.request) for line in store.all()}


def _asked_by(request: Any) -> Asked:  # Any: JSON
    prompt = request["messages"][0]["content"]
    return prompt, sent_seed(Request(configure().llm, prompt, request["parameters"], request["sample"]))


def prepare(repository: Repository, name: str, requests: int) -> None:
    """Prepare about `requests` requests for a stage; in `classify` and `instantiate` each prompt occurs twice."""
    repository.choose("llm=vllm", "generate.per_request=1", f"generate.num_instructions={requests * 3 // 4}")
    if name == "generate":
        return
    row = repository.rows(READS[name])[0]
    known = tasks()
    many = [{**row, "id": f"ins-{n}", "instruction": known[n // 2].instruction} for n in range(requests)]
    repository.write(READS[name], "".join(f"{json.dumps(row)}\n" for row in many))


def take_outputs(repository: Repository, name: str) -> dict[str, bytes]:
    """Return the files a stage wrote, and delete them."""
    stage = yaml.safe_load(repository.read("dvc.yaml"))["stages"][name]
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    paths = [path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)]
    written = {path: (repository.root / path).read_bytes() for path in paths}
    for path in paths:
        (repository.root / path).unlink()
    return written


@dataclass(frozen=True)
class Moment:
    """When to kill: after this many new calls, and then this many seconds."""

    calls: int
    seconds: float


def moments(draw: random.Random) -> Iterator[Moment]:
    """Yield moments without end: four with some answered requests, then one that may precede the first request."""
    while True:
        yield from (Moment(draw.randint(CONCURRENCY + 1, 6 * CONCURRENCY), draw.uniform(0, 0.06)) for _ in range(4))
        yield Moment(0, draw.uniform(0, 2))


class Victim:
    """A stage, run directly or by `dvc repro`, that is started and killed repeatedly."""

    def __init__(self, repository: Repository, command: tuple[str, ...], server: LlmServer, folder: Path) -> None:
        self._repository = repository
        self._command = command
        self._server = server
        self._folder = folder
        self.kills = 0
        self.states: list[tuple[set[Asked], int]] = []
        """The stored requests and the number of calls after each kill."""

    def run(self) -> float:
        """Run to the end and return the seconds it took."""
        began = time.monotonic()
        assert self._start().wait(200) == 0, self._repository.output()
        return time.monotonic() - began

    def kill(self, moment: Moment) -> None:
        """Start, kill at a moment unless it has ended, and wait for all its processes to end."""
        self._end(self._reach(moment))
        wait_until(lambda: not self._repository.processes())
        self._note()

    def kill_and_leave(self, moment: Moment) -> None:
        """Start and kill `dvc` at a moment. Its orphaned stage gets no answer before the next stage sends a request."""
        process = self._reach(moment)
        next_asks = threading.Event()

        def hold(call: Call) -> Reaction:
            next_asks.wait(8)
            return slow(LATENCY_SECONDS)(call)

        def release(call: Call) -> Reaction:
            next_asks.set()
            return slow(LATENCY_SECONDS)(call)

        self._server.behaviour = hold
        wait_until(lambda: self._server.in_flight == CONCURRENCY or process.poll() is not None)
        time.sleep(2 * LATENCY_SECONDS)
        self._end(process)
        self._server.behaviour = release
        self._note()

    def _reach(self, moment: Moment) -> subprocess.Popen[bytes]:
        wanted = len(self._server.calls) + moment.calls
        process = self._start()
        wait_until(lambda: len(self._server.calls) >= wanted or process.poll() is not None)
        time.sleep(moment.seconds)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill, and restore the files that DVC writes in place, which a kill may cut off."""
        process.kill()
        ended = process.wait()
        assert ended in (0, -9), self._repository.output()
        self._repository.git("checkout", "--quiet", "dvc.lock")
        (self._repository.root / ".dvc/tmp/rwlock").unlink(missing_ok=True)
        self.kills += ended == -9

    def _note(self) -> None:
        self.states.append((stored(self._folder), len(self._server.calls)))

    def _start(self) -> subprocess.Popen[bytes]:
        runtime = {"api_base": self._server.api_base, "answers_dir": str(self._folder), "concurrency": CONCURRENCY}
        return self._repository.start("python", "-m", *self._command, SEEDLING_RUNTIME=json.dumps(runtime))


CELLS = [
    pytest.param((killed, name, 20), id=f"{killed}-{name}-20", marks=pytest.mark.slow)
    for name in ("generate", "classify", "instantiate")
    for killed in ("stage", "dvc")
]


@pytest.mark.parametrize("cell", CELLS)
def test_kill_9_changes_no_byte_and_repeats_no_request_for_a_stored_answer(
    repository: Repository, llm_server: LlmServer, tmp_path: Path, cell: tuple[str, str, int]
) -> None:
    """After every other kill of `dvc`, the next run starts at once, beside the orphaned stage."""
    killed, name, kills = cell
    llm_server.behaviour = slow(LATENCY_SECONDS)
    prepare(repository, name, requests=20 * kills)
    command = (f"stages.{name}",) if killed == "stage" else ("dvc", "repro", "--force", "--single-item", name)
    Victim(repository, command, llm_server, tmp_path / "undisturbed").run()
    undisturbed = take_outputs(repository, name)
    needed = undisturbed[f"data/answers/{name}.jsonl"].splitlines()
    llm_server.calls.clear()

    draw = random.Random(f"{killed} {name}")  # noqa: S311
    victim = Victim(repository, command, llm_server, tmp_path / "store")
    for number, moment in enumerate(islice(moments(draw), kills - kills // 5 - 1)):
        leave = killed == "dvc" and number % 2 and moment.calls
        (victim.kill_and_leave if leave else victim.kill)(moment)
    victim.run()
    seconds = victim.run()
    while victim.kills < kills:  # the remaining kills hit the replay and the writing
        victim.kill(Moment(0, draw.uniform(0.2, 1) * seconds))
    victim.run()
    wait_until(lambda: not repository.processes())

    assert take_outputs(repository, name) == undisturbed
    calls = [asked(call) for call in llm_server.calls]
    assert len(set(calls)) >= len(needed)
    for acknowledged, so_far in victim.states:
        assert not acknowledged & set(calls[so_far:])
    again = len(calls) - len(set(calls))
    assert again <= (CONCURRENCY * kills if killed == "stage" else 0)
    assert len({len(acknowledged) for acknowledged, _ in victim.states}) > kills // 2
