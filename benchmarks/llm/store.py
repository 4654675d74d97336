"""Measure how much time and space the store takes."""

import contextlib
import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import mean

from benchmarks.llm.common import print_table, write_prompts
from stages.contract.records import Answer
from stages.llm.response import no_answer
from stages.models.book.reply import reply
from stages.store.answers import AnswerStore
from stages.store.request import Request, Requests
from tests.llm_server import configure

STORED, TURNS = 5_000, 3
TEXT_LENGTH = 840  # characters; a record then takes about 1,145 bytes


def write_answers(count: int) -> list[tuple[Request, Answer]]:
    """Return requests of `generate` with their answers; some answers have the same text."""
    prompts = write_prompts(count)
    texts = [reply(prompt, max_tokens=2048).text for prompt in prompts[:500]]
    made = Requests(configure().generate)
    requests = [made.make(prompt, 2048) for prompt in prompts]
    pairs = zip(requests, itertools.cycle(text[:TEXT_LENGTH] for text in texts if len(text) >= TEXT_LENGTH))
    return [(request, no_answer(request, "stop", []).model_copy(update={"text": text})) for request, text in pairs]


def put_all(folder: Path, pairs: Sequence[tuple[Request, Answer]]) -> tuple[float, float]:
    """Return the seconds and CPU seconds of putting answers one by one, each with a commit of its own."""
    with contextlib.closing(AnswerStore(folder)) as store:
        started, spent = time.monotonic(), time.process_time()
        for request, answer in pairs:
            assert store.put(request, answer) == answer
        return time.monotonic() - started, time.process_time() - spent


def get_all(folder: Path, pairs: Sequence[tuple[Request, Answer]]) -> tuple[float, float]:
    """Return the seconds and CPU seconds of getting answers one by one."""
    keys = [answer.key for _, answer in pairs]
    with contextlib.closing(AnswerStore(folder)) as store:
        started, spent = time.monotonic(), time.process_time()
        assert all(store.get(key) for key in keys)
        return time.monotonic() - started, time.process_time() - spent


def put_half(folder: Path, half: int, together: Barrier, parent: Connection) -> None:
    """Put every second answer, while another process puts the others."""
    pairs = write_answers(STORED)[half::2]
    together.wait(60)
    parent.send(put_all(folder, pairs))


def put_twice(folder: Path) -> tuple[float, float]:
    """Return the seconds of the slower of two processes, and the CPU seconds of both."""
    spawn = multiprocessing.get_context("spawn")
    together, pipes = spawn.Barrier(2), [spawn.Pipe() for _ in range(2)]
    processes = [
        spawn.Process(target=put_half, args=(folder, half, together, theirs)) for half, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, theirs in pipes:
        theirs.close()  # so that a process that dies ends the wait
    spent = [ours.recv() for ours, _ in pipes]
    for process in processes:
        process.join()
    return max(seconds for seconds, _ in spent), sum(cpu for _, cpu in spent)


def measure_store() -> None:
    """Print how much time and space the store takes."""
    pairs = write_answers(STORED)
    turns: dict[str, list[tuple[float, float]]] = {"put": [], "get": [], "put, by two processes at once": []}
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            turns["put"].append(put_all(Path(one), pairs))
            turns["get"].append(get_all(Path(one), pairs))
            turns["put, by two processes at once"].append(put_twice(Path(two)))
            get_all(Path(two), pairs)
            size = Path(one, "answers.sqlite").stat().st_size
    lines = []
    for name, spent in turns.items():
        seconds, cpu = (min(column) for column in zip(*spent, strict=True))
        lines.append([name, f"{STORED / seconds:,.0f}", f"{cpu / STORED * 1e6:,.0f}"])
    print_table(f"The store, {STORED:,} answers:", ["", "a second", "CPU microseconds each"], lines)
    asked = mean(len(request.canonical) for request, _ in pairs)
    said = mean(len(answer.model_dump_json().encode()) for _, answer in pairs)
    print(
        f"\nBytes each: request {asked:,.0f}, answer {said:,.0f}, together in the file {size / STORED:,.0f} "
        f"({(asked + said) / size * STORED:.1f} to 1)."
    )
