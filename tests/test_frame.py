"""The frame of a stage: how it starts, what it checks, how it ends. Any pipeline file can use it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.repository import Repository, stages_run
from tests.test_window import wait_until

TINY = """
from pathlib import Path

from stages.contract.files import write_text
from stages.contract.outcome import Outcome
from stages.contract.sections.base import Section
from stages.contract.sections.seeds import Seeds
from stages.contract.seeds import read_seeds
from stages.contract.stage import stage


class Config(Section):
    seeds: Seeds


with stage("tiny", Config, "evaluate/dvc.yaml") as config:
    {body}
    outcome = Outcome("tiny")
    outcome.kept += read_seeds(config.seeds.path)
    outcome.write("data/tiny.jsonl", len(outcome.kept), min_kept=0)
"""
PIPELINE = {
    "stages": {
        "tiny": {
            "wdir": "..",
            "cmd": "sh stages/start.sh tiny",
            "params": ["seeds"],
            "deps": ["${seeds.path}", "stages/tiny.py"],
            "outs": ["data/tiny.jsonl", "data/rejected/tiny.jsonl"],
            "metrics": [{"reports/metrics/tiny.json": {"cache": False}}],
        }
    }
}


def with_a_pipeline_of_its_own(repository: Repository, body: str) -> Repository:
    repository.write("stages/tiny.py", TINY.format(body=body))
    # DVC looks for params.yaml beside the pipeline file, even if `wdir` is another folder
    repository.write("evaluate/dvc.yaml", yaml.safe_dump({"vars": ["../params.yaml"], **PIPELINE}))
    return repository


@pytest.mark.slow
def test_a_stage_of_another_pipeline_file_runs_like_any_other(repository: Repository) -> None:
    with_a_pipeline_of_its_own(repository, "print(config.seeds.path)")
    done = repository.dvc("repro", "evaluate/dvc.yaml")
    assert done.returncode == 0, done.stderr
    assert "seeds/seed_tasks.jsonl" in done.stdout
    assert repository.read("reports/metrics/tiny.json")
    again = repository.dvc("repro", "evaluate/dvc.yaml")
    assert (again.returncode, stages_run(again)) == (0, [])


@pytest.mark.slow
def test_a_stage_of_another_pipeline_file_fails_if_its_inputs_change(repository: Repository) -> None:
    longer = "write_text(config.seeds.path, Path(config.seeds.path).read_text('utf-8') + '\\n')"
    with_a_pipeline_of_its_own(repository, longer)
    done = repository.dvc("repro", "evaluate/dvc.yaml")
    assert done.returncode != 0
    assert "tiny: seeds/seed_tasks.jsonl changed while the stage ran, so nothing was recorded" in done.stderr


# How it starts


@pytest.mark.slow
def test_dvc_of_an_inactive_environment_runs_the_stages_with_its_own_interpreter(
    repository: Repository, tmp_path: Path
) -> None:
    (repository.root / ".venv").symlink_to(sys.prefix)
    repository.write("conf/choice.yaml", repository.read("conf/choice.yaml") + "# run check again\n")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [".venv/bin/dvc", "repro"], cwd=repository.root, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, stages_run(done)) == (0, ["check"]), done.stderr


@pytest.mark.parametrize(
    ("module", "library"),
    [("generate", "numpy"), ("commands.dvc", "_ctypes"), ("commands.dvc", "_ruamel_yaml")],
    ids=["stage_at_import", "dvc_at_import", "dvc_later_at_import"],
)
def test_an_early_ctrl_c_ends_without_a_traceback(module: str, library: str, repository: Repository) -> None:
    process = repository.start("python", "-m", "stages", module, "repro")
    maps = Path(f"/proc/{process.pid}/maps")
    wait_until(lambda: library in maps.read_text("utf-8"))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) in (-signal.SIGINT, 130, 252)  # DVC exits with 252 once it is running
    assert "Traceback" not in repository.output()


# Missing permissions


def as_an_ordinary_user() -> list[str]:
    """Return a command prefix with which root respects file permissions."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.fail("setpriv of util-linux is needed to run this test as root")
    powers = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"]


def lock(path: str, mode: int) -> Callable[[Repository], None]:
    return lambda repository: (repository.root / path).chmod(mode)


@pytest.mark.parametrize(
    ("refuse", "command", "line"),
    [
        pytest.param(lock(".dvc", 0o500), ["seedling", "run"], ".dvc/tmp: cannot be ", id="read_only"),
        pytest.param(lock("reports", 0o500), ["stage", "check"], "reports/checked.txt: cannot be w", id="reports"),
        pytest.param(lock("conf", 0), ["seedling", "run"], "conf/config.yaml: cannot be used", id="conf_unreadable"),
        pytest.param(lock("params.yaml", 0), ["seedling", "demo"], "params.yaml: cannot be read", id="params"),
        pytest.param(lock("seeds", 0), ["stage", "filter"], "seeds/seed_tasks.jsonl: cannot be", id="seeds"),
        pytest.param(lock("data", 0), ["stage", "filter"], "data/tasks.jsonl: cannot be", id="data"),
    ],
)
def test_a_missing_permission_gives_a_one_line_error(
    refuse: Callable[[Repository], None], command: list[str], line: str, repository: Repository
) -> None:
    shutil.rmtree(repository.root / ".dvc/tmp")
    refuse(repository)
    module = ["stages.commands.cli"] if command[0] == "seedling" else ["stages"]
    done = repository.run(*as_an_ordinary_user(), "python", "-m", *module, command[1])
    for path in (".dvc", "reports", "conf", "seeds", "data"):
        (repository.root / path).chmod(0o755)
    assert done.returncode in (1, 2)
    assert line in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_renamed_seeds_file_is_reported_with_its_key(repository: Repository) -> None:
    (repository.root / "seeds/seed_tasks.jsonl").rename(repository.root / "seeds/mine.jsonl")
    line = "seeds.path: 'seeds/seed_tasks.jsonl' is not a file; correct the path"
    for command in ("run", "demo"):
        done = repository.seedling(command)
        assert (done.returncode, done.stderr) == (2, f"seedling: {line}\n")
