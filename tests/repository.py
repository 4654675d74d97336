"""A separate repository for each test: real git, real DVC and the code of this working tree."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


@dataclass(frozen=True)
class Repository:
    """A clone at `root`, with the commands that a user runs there."""

    root: Path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command at the root with this interpreter's folder first on PATH."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=_environment(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,  # a loaded machine takes several times as long
        )

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command as `run` does, without waiting; append its output to output.txt beside the root."""
        with open(self.root.parent / "output.txt", "ab") as output:
            return subprocess.Popen(
                command, cwd=self.root, env=_environment(environment), stdout=output, stderr=subprocess.STDOUT
            )

    def output(self) -> str:
        """Return the output of all started commands."""
        return (self.root.parent / "output.txt").read_text("utf-8")

    def processes(self) -> list[psutil.Process]:
        """Return the processes whose working directory is the root."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # the process belongs to another user or has ended
                if process.cwd() == str(self.root) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def seedling(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("python", "-m", "stages.commands.cli", *arguments, **environment)

    def choose(self, *overrides: str) -> None:
        """Adopt a choice as `seedling run` does, without running a stage."""
        imports = "from stages.choice.adopt import *; from stages.choice.choose import *"
        done = self.run("python", "-c", f"{imports}; adopt(amended(read_choice(), {list(overrides)!r}))")
        assert done.returncode == 0, done.stderr

    def stage(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("python", "-m", "stages", name, **environment)

    def dvc(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("python", "-m", "dvc", *arguments, **environment)

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        done = self.run("git", *identity, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "state")

    def changed(self) -> list[str]:
        """Return the paths that git reports as changed or new."""
        return [line[3:] for line in self.git("status", "--porcelain").splitlines()]

    def read(self, path: str) -> str:
        return (self.root / path).read_text("utf-8")

    def rows(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read(path).splitlines()]

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text, (path, old)
        self.write(path, text.replace(old, new))

    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = yaml.safe_load(self.read("params.yaml"))
        return params

    def data(self) -> dict[str, bytes]:
        """Return the content of every file a run produced, by path."""
        files = [path for folder in ("data", "reports") for path in (self.root / folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in sorted(files)}

    def copy(self, target: Path) -> "Repository":
        shutil.copytree(self.root, target, symlinks=True)
        return Repository(target)


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    left_out = {"PYTHONPATH", "VIRTUAL_ENV", "SEEDLING_RUN", "SEEDLING_RUNTIME", "SEEDLING_STATUS"}
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**inherited, "PATH": path, **own}


def new_repository(target: Path, instructions: int) -> Repository:
    """Return a committed copy of this working tree with a target of `instructions`; no stage has run in it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file() and name.split("/")[0] not in ("tests", "dvc.lock", "reports"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    repository = Repository(target)
    repository.git("init", "--quiet", "--initial-branch=main")
    config = "conf/generate/_base.yaml"
    repository.replace(config, "num_instructions: 200", f"num_instructions: {instructions}")
    repository.replace("params.yaml", "num_instructions: 200", f"num_instructions: {instructions}")
    repository.commit()
    return repository


def stages_run(process: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the stages a `dvc repro` ran, in order."""
    lines = (process.stdout + process.stderr).splitlines()
    return [line.split("'")[1] for line in lines if line.startswith("Running stage '")]
