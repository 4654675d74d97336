"""Measure the CPU time of a call, against bare LiteLLM."""

import asyncio
import contextlib
import io
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.llm.common import print_table, write_prompts
from stages.contract.config import Config
from tests.llm_server import LlmServer, Section, ask, configure

PLACES = 16  # requests in flight
CALLS, TURNS = 1_000, 12
PRICE = {"input_usd_per_mtok": 1.0, "cached_input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
ROUTES: dict[str, tuple[Section, Section]] = {  # the values of `llm` and `runtime` that differ
    "`hosted_vllm/…`": ({}, {}),
    "`openai/…`, with a price and a cap": (
        {"provider": "openai", "model": "openai/test"},
        {"price": {"openai/test": PRICE}, "max_cost_usd": 1000.0},
    ),
}


def serve(parent: Connection) -> None:
    """Answer with the built-in model until the parent is done."""
    with LlmServer() as server:
        parent.send(server.api_base)
        parent.recv()


def call_bare(config: Config, prompts: Sequence[str]) -> None:
    """Send the prompts through LiteLLM, as many at once as ours, and keep nothing."""
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
    """Send the prompts as the stages do, with an empty store."""
    assert len(ask(config, *prompts)) == len(prompts)


def milliseconds(call: Callable[[Config, Sequence[str]], None], config: Config, prompts: Sequence[str]) -> float:
    """Return the CPU milliseconds per call."""
    started = time.process_time()
    with contextlib.redirect_stderr(io.StringIO()):
        call(config, prompts)
    return (time.process_time() - started) * 1000 / len(prompts)


def compare_calls(llm: Section, runtime: Section, api_base: str) -> list[float]:
    """Return the CPU milliseconds per call of ours, per call of bare LiteLLM, and of a stage that makes one call."""
    prompts = write_prompts(CALLS)
    turns = []
    for turn in range(TURNS + 1):
        with tempfile.TemporaryDirectory() as many, tempfile.TemporaryDirectory() as one:
            reach = {"api_base": api_base, "concurrency": PLACES, **runtime}
            config, config_of_one = (configure(llm, None, {**reach, "answers_dir": folder}) for folder in (many, one))
            some = prompts if turn else prompts[:PLACES]  # the first turn imports LiteLLM and does not count
            ours, bare = milliseconds(call_ours, config, some), milliseconds(call_bare, config, some)
            turns.append((ours, bare, milliseconds(call_ours, config_of_one, prompts[:1])))
    return [min(column) for column in zip(*turns[1:], strict=True)]


def measure_calls() -> None:
    """Print the CPU time of a call. The server has a process of its own, so that its time does not count."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve, args=(theirs,))
    server.start()
    theirs.close()  # so that a server that dies ends the wait
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
