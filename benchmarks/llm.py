"""What the model layer costs: the CPU of a call, the order of the answers, the store, a run from stored answers.

    python -m benchmarks.llm [calls] [order] [store] [replay]

No part asks a real model. Ways take turns, and the least of its turns counts for each: other work on the machine only
adds. Where chance decides, the median of the draws stands with the worst.
"""

import argparse
import asyncio
import contextlib
import io
import itertools
import multiprocessing
import random
import resource
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import mean, median
from typing import Any

from stages.contract.config import Config, Runtime
from stages.contract.jsonl import read_seeds
from stages.contract.records import Answer
from stages.generate import Bootstrap
from stages.llm.answers import AnswerStore
from stages.llm.client import Client
from stages.llm.limits import Limit
from stages.llm.offline.model import reply
from stages.llm.progress import Progress
from stages.llm.request import Request, Requests
from stages.llm.response import no_answer
from stages.llm.window import _Run
from stages.text.prompts import load_prompt
from tests.llm_server import LlmServer, Section, ask, configure
from tests.repository import Repository, new_repository, stages_run

ROOT = Path(__file__).parents[1]
PLACES = 16  # on the wire in `calls`
CALLS, CALL_TURNS = 1_000, 4
PRICE = {"input_usd_per_mtok": 1.0, "cached_input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
ROUTES: dict[str, tuple[Section, Section]] = {  # what `llm` and `runtime` hold
    "`hosted_vllm/…`": ({}, {}),
    "`openai/…`, with a price and a cap": (
        {"provider": "openai", "model": "openai/test"},
        {"price": {"openai/test": PRICE}, "max_cost_usd": 1000.0},
    ),
}
SIGMA, ACCEPTANCE = 0.5, 0.7  # of the lognormal latency; of the candidates
WINDOWS = [(16, 256), (64, 128), (64, 256), (64, 512)]  # with the concurrency
DRAWS = {200: 15, 1_000: 15, 10_000: 3}  # of the latencies, for so many requests
STORED, STORE_TURNS = 5_000, 3
TEXT_LENGTH = 840  # with which a record takes about 1,145 bytes
INSTRUCTIONS, REPLAYS, NO_OPS = 1_000, 3, 4


def print_table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a markdown table under a line of text."""
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n|{'---:|' * len(heads)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def write_prompts(count: int) -> list[str]:
    """Return prompts of `generate` that show eight seeds each."""
    chance = random.Random(1)  # noqa: S311
    seeds = [seed.instruction for seed in read_seeds(str(ROOT / "seeds/seed_tasks.jsonl"))]
    render = load_prompt(str(ROOT / "prompts/chat/generate.j2"), {"instructions", "count", "focus"})
    return [render(instructions=chance.sample(seeds, 8), count=10, focus="") for _ in range(count)]


# A call


def serve(parent: Connection) -> None:
    """Answer with the built-in model until the parent is through."""
    with LlmServer() as server:
        parent.send(server.api_base)
        parent.recv()


def call_bare(config: Config, prompts: Sequence[str]) -> None:
    """Hand the prompts to LiteLLM, as many at once, and keep nothing."""
    import litellm

    library: Any = litellm  # Any: litellm's own annotations are partial
    [server] = config.runtime.api_base

    async def call_one(places: asyncio.Semaphore, prompt: str) -> None:
        async with places:
            await library.acompletion(
                model=config.llm.model,
                messages=[{"role": "user", "content": prompt}],
                api_base=server,
                api_key="none",
                num_retries=0,
                max_retries=0,
                temperature=1.0,
                max_tokens=1000,
            )

    async def call_all() -> None:
        places = asyncio.Semaphore(PLACES)
        await asyncio.gather(*(call_one(places, prompt) for prompt in prompts))
        await library.close_litellm_async_clients()

    asyncio.run(call_all())


def call_ours(config: Config, prompts: Sequence[str]) -> None:
    """Ask as the stages do, with a store that is empty."""
    assert len(ask(config, *prompts)) == len(prompts)


def milliseconds(call: Callable[[Config, Sequence[str]], None], config: Config, prompts: Sequence[str]) -> float:
    """Return the CPU milliseconds of a call."""
    started = time.process_time()
    with contextlib.redirect_stderr(io.StringIO()):
        call(config, prompts)
    return (time.process_time() - started) * 1000 / len(prompts)


def compare_calls(llm: Section, runtime: Section, api_base: str) -> list[float]:
    """Return the CPU milliseconds of a call of ours, of a bare one, and of a stage of ours that makes one call."""
    prompts = write_prompts(CALLS)
    turns = []
    for turn in range(CALL_TURNS + 1):
        with tempfile.TemporaryDirectory() as many, tempfile.TemporaryDirectory() as one:
            reach = {"api_base": api_base, "concurrency": PLACES, **runtime}
            config, config_of_one = (configure(llm, None, {**reach, "answers_dir": folder}) for folder in (many, one))
            some = prompts if turn else prompts[:PLACES]  # the first turn imports LiteLLM and does not count
            ours, bare = milliseconds(call_ours, config, some), milliseconds(call_bare, config, some)
            turns.append((ours, bare, milliseconds(call_ours, config_of_one, prompts[:1])))
    return [min(column) for column in zip(*turns[1:], strict=True)]


def measure_calls() -> None:
    """Print what a call costs, with the server in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve, args=(theirs,))
    server.start()
    api_base = ours.recv()
    lines = []
    for name, (llm, runtime) in ROUTES.items():
        spent, bare, once = compare_calls(llm, runtime, api_base)
        lines.append(
            [name, f"{spent / bare:.2f}x", f"{spent:.2f}", f"{bare:.2f}", f"{spent - bare:.2f}", f"{once:.0f}"]
        )
    ours.send("through")
    server.join()
    heads = ["route", "ours over bare", "ours", "bare LiteLLM", "difference", "a stage of one call"]
    print_table(f"CPU milliseconds of a call, {CALLS:,} in all and {PLACES} at once:", heads, lines)


# The order


class Skip(selectors.DefaultSelector):
    """Takes no time to wait, and counts the seconds instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready after `timeout` seconds that nobody waits."""
        self.now += timeout or 0.0
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop in which a sleep takes no time, and whose clock says it did."""

    def __init__(self) -> None:
        self._skip = Skip()
        super().__init__(self._skip)

    def time(self) -> float:
        """Return the seconds slept."""
        return self._skip.now


class Sleeper(Client):
    """Gives places on the wire as the real client does, and sleeps where that asks."""

    def __init__(self, runtime: Runtime, seed: int) -> None:
        self._limit = Limit(runtime)
        self._chance = random.Random(seed)  # noqa: S311
        self.sent = 0

    async def complete(self, request: Request) -> Answer:
        """Return no answer, after a time on the wire."""
        async with self._limit.place(0):
            self.sent += 1
            await asyncio.sleep(self._chance.lognormvariate(0, SIGMA))
        return no_answer(request, "stop", [])


class Counted(Bootstrap):
    """The real rules of when to launch and when to end; candidates are accepted by chance."""

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(config, [], lambda **_: "")
        self._chance = random.Random(seed)  # noqa: S311
        self._request = Requests(config.generate).make("", 1)

    def prepare(self, index: int) -> Request:
        """Return the one request there is."""
        return self._request

    def commit(self, index: int, answer: Answer) -> bool:
        """Accept candidates until there are enough."""
        self.answers.append(answer)
        candidates = self._config.per_request
        accepted = sum(self._chance.random() < ACCEPTANCE for _ in range(candidates))
        for _ in range(min(accepted, self.target - self.done)):
            self._machine.add("", "")
        self._recent.append((accepted, candidates))
        return self.done == self.target


def run_ordered(config: Config, store: AnswerStore, seed: int) -> tuple[float, int, int]:
    """Return the seconds of a run in order, the requests sent and those whose answers were used."""
    work, client = Counted(config, seed), Sleeper(config.runtime, seed)
    run = _Run(config.runtime, store, Progress("generate", work, None))

    async def seconds() -> float:
        await run._client.close()
        run._client = client
        await run._loop(work)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(seconds()), client.sent, len(work.answers)


def run_unordered(config: Config, count: int, seed: int) -> float:
    """Return the seconds in which so many requests are answered when none waits for another."""
    client, request = Sleeper(config.runtime, seed), Requests(config.generate).make("", 1)

    async def seconds() -> float:
        await asyncio.gather(*(client.complete(request) for _ in range(count)))
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(seconds())


def compare_order(concurrency: int, window: int, requests: int) -> tuple[list[float], list[float]]:
    """Return of each draw the share of the unordered throughput, and the requests beyond need per request used."""
    shares, beyond = [], []
    wanted = {"num_instructions": round(requests * ACCEPTANCE * 10), "per_request": 10, "window": window}
    config = configure(None, wanted, {"concurrency": concurrency})
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(AnswerStore(Path(folder))) as store:
        for seed in range(DRAWS[requests]):
            seconds, sent, used = run_ordered(config, store, seed)
            shares.append(run_unordered(config, used, seed) / seconds)
            beyond.append((sent - used) / used)
    return shares, beyond


def measure_order() -> None:
    """Print what it costs that answers are committed in order."""
    lines = []
    for (concurrency, window), requests in itertools.product(WINDOWS, DRAWS):
        shares, beyond = compare_order(concurrency, window, requests)
        lines.append(
            [
                *(f"{count:,}" for count in (concurrency, window, requests)),
                *(f"{share * 100:.1f} %" for share in (median(shares), min(shares), median(beyond), max(beyond))),
            ]
        )
    heads = ["concurrency", "window", "requests", "throughput", "worst draw", "beyond need", "worst draw"]
    print_table("Share of the unordered throughput, and requests sent for nothing:", heads, lines)


# The store


def write_answers(count: int) -> list[tuple[Request, Answer]]:
    """Return requests of `generate` and answers to them, of which some share their texts."""
    prompts = write_prompts(count)
    texts = [reply(prompt, seed=0, temperature=1.0, max_tokens=2048, stop=[]).text for prompt in prompts[:500]]
    made = Requests(configure().generate)
    requests = [made.make(prompt, 2048) for prompt in prompts]
    pairs = zip(requests, itertools.cycle(text[:TEXT_LENGTH] for text in texts if len(text) >= TEXT_LENGTH))
    return [(request, no_answer(request, "stop", []).model_copy(update={"text": text})) for request, text in pairs]


def put_all(folder: Path, pairs: Sequence[tuple[Request, Answer]]) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of putting answers one by one, each committed."""
    with contextlib.closing(AnswerStore(folder)) as store:
        started, spent = time.monotonic(), time.process_time()
        for request, answer in pairs:
            assert store.put(request, answer) == answer
        return time.monotonic() - started, time.process_time() - spent


def get_all(folder: Path, pairs: Sequence[tuple[Request, Answer]]) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of getting answers one by one."""
    keys = [answer.key for _, answer in pairs]
    with contextlib.closing(AnswerStore(folder)) as store:
        started, spent = time.monotonic(), time.process_time()
        assert all(store.get(key) for key in keys)
        return time.monotonic() - started, time.process_time() - spent


def put_half(folder: Path, half: int, together: Barrier, parent: Connection) -> None:
    """Put every second answer, at the same time as another process the others."""
    pairs = write_answers(STORED)[half::2]
    together.wait()
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
    spent = [ours.recv() for ours, _ in pipes]
    for process in processes:
        process.join()
    return max(seconds for seconds, _ in spent), sum(cpu for _, cpu in spent)


def measure_store() -> None:
    """Print what the store takes, in time and in space."""
    pairs = write_answers(STORED)
    turns: dict[str, list[tuple[float, float]]] = {"put": [], "get": [], "put, by two processes at once": []}
    for _ in range(STORE_TURNS):
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


# From stored answers


def timed(act: Callable[[], subprocess.CompletedProcess[str]]) -> tuple[float, float, list[str]]:
    """Return the seconds and the CPU seconds of a command with all it starts, and the stages it ran."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = act()
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, stages_run(done)


def forget(repository: Repository) -> None:
    """Leave nothing of a finished run but its answers: no output, no lock file, nothing in DVC's cache."""
    for name in ("data", "reports", ".dvc/tmp", ".dvc/cache/runs", ".dvc/cache/files"):
        shutil.rmtree(repository.root / name)
    (repository.root / "dvc.lock").unlink()


def measure_replay() -> None:
    """Print what a run from stored answers takes, and one that has nothing to do."""
    turns: dict[str, list[tuple[float, float, list[str]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        repository = new_repository(Path(folder, "repository"), INSTRUCTIONS)
        no_litellm = Path(folder, "none")
        no_litellm.mkdir()
        (no_litellm / "litellm.py").write_text("raise AssertionError('litellm is imported')", "utf-8")
        turns["`seedling run`, every answer asked"] = [timed(lambda: repository.seedling("run"))]
        finished = repository.data()
        replays = turns["`seedling run`, every answer stored"] = []
        for _ in range(REPLAYS):
            forget(repository)
            replays.append(timed(lambda: repository.seedling("run", PYTHONPATH=str(no_litellm))))
            assert repository.data() == finished
        for _ in range(NO_OPS):
            turns.setdefault("`seedling run`, nothing to do", []).append(timed(lambda: repository.seedling("run")))
            turns.setdefault("`dvc repro`, nothing to do", []).append(timed(lambda: repository.dvc("repro")))
    lines = []
    for name, spent in turns.items():
        seconds, cpu, stages = min(spent)
        lines.append([name, str(len(stages)), f"{seconds:.2f}", f"{cpu:.2f}"])
    print_table(f"A dataset of {INSTRUCTIONS:,} instructions:", ["", "stages run", "seconds", "CPU seconds"], lines)


PARTS = {"calls": measure_calls, "order": measure_order, "store": measure_store, "replay": measure_replay}


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all where none is named")
    chosen = parser.parse_args().parts
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: no such part; there are {', '.join(PARTS)}")
    for name, measure in PARTS.items():
        if name in chosen or not chosen:
            measure()


if __name__ == "__main__":
    main()
