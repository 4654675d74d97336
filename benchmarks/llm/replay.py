"""Measure a run from stored answers, and a run that has nothing to do."""

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.llm.common import print_table
from benchmarks.writer import write
from tests.llm_server import LlmServer
from tests.repository import Repository, new_repository, stages_run

INSTRUCTIONS, REPLAYS, NO_OPS = 1_000, 3, 4


def timed(act: Callable[[], subprocess.CompletedProcess[str]]) -> tuple[float, float, list[str]]:
    """Return the seconds and CPU seconds of a command and all processes it starts, and the stages it ran."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = act()
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, stages_run(done)


def forget(repository: Repository) -> None:
    """Delete everything of a finished run but its answers: the outputs, dvc.lock, and what DVC has cached."""
    for name in ("data", "reports", ".dvc/tmp", ".dvc/cache/runs", ".dvc/cache/files"):
        shutil.rmtree(repository.root / name)
    (repository.root / "dvc.lock").unlink()


def measure_replay() -> None:
    """Print the time of a run from stored answers, and of a run that has nothing to do."""
    turns: dict[str, list[tuple[float, float, list[str]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        repository = new_repository(Path(folder, "repository"), INSTRUCTIONS)
        no_litellm = Path(folder, "none")
        no_litellm.mkdir()
        (no_litellm / "litellm.py").write_text("raise AssertionError('litellm is imported')", "utf-8")
        with LlmServer() as server:
            server.behaviour = write
            first = ("run", "llm=vllm", f"runtime.api_base={server.api_base}")
            turns["`seedling run`, every answer asked"] = [timed(lambda: repository.seedling(*first))]
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
