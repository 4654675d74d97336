"""The command a stage works for: its stages share what it may spend, and its end is theirs."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import psutil

RUN_VARIABLE = "SEEDLING_RUN"
"""The run id of the `seedling` command that started this process."""
_DVC = {"dvc", "commands.dvc"}  # as a user starts it, and as `seedling` does
_CLOCK_SECONDS = 2  # by how much two readings of the start of one process may differ


def run_id(process: psutil.Process) -> str:
    """Return the name of a process among those of all machines: host, process id, start in seconds since 1970."""
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def current_run() -> str:
    """Return the run id of the command: `seedling`, else the `dvc` above this process, else this process."""
    return os.environ.get(RUN_VARIABLE) or run_id(_dvc() or psutil.Process())


async def stop_when_orphaned() -> None:
    """Send this process SIGTERM once the command it works for is gone: it would go on paying for nobody."""
    commands = [_dvc() or _parent(), _seedling()]
    while all(command and _is_alive(command) for command in commands):
        await asyncio.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _dvc() -> psutil.Process | None:
    """Return the nearest `dvc` above this process."""
    with suppress(psutil.NoSuchProcess):  # one of those above dies just now
        for process in psutil.Process().parents():
            if any(Path(word).name in _DVC for word in _words(process)):
                return process
    return None


def _parent() -> psutil.Process | None:
    """Return the process that started this one, None when a dvc did that has died: its heir runs no python."""
    if "DVC_STAGE" not in os.environ:
        return psutil.Process().parent() or psutil.Process()  # the first process of a container works for itself
    with suppress(psutil.NoSuchProcess):  # the shell dies just now
        starter = psutil.Process().parent()
        while starter and _is_shell(starter):
            starter = starter.parent()
        if starter and any("python" in word for word in _words(starter)):
            return starter
    return None


def _is_shell(process: psutil.Process) -> bool:
    """Tell whether a shell waits for a command it was given: dash stays between dvc and a stage, bash does not."""
    words = _words(process)
    return "-c" in words and "python" not in Path(words[0]).name


def _seedling() -> psutil.Process | None:
    """Return the `seedling` this process works for, None when it is gone; itself where none of this host is named."""
    host, pid, began = os.environ.get(RUN_VARIABLE, "::").rsplit(":", 2)
    if host != socket.gethostname():
        return psutil.Process()
    try:
        process = psutil.Process(int(pid))
        return process if abs(process.create_time() - int(began)) <= _CLOCK_SECONDS else None
    except psutil.NoSuchProcess:
        return None


def _words(process: psutil.Process) -> list[str]:
    """Return how a command line begins; nothing where it cannot be read."""
    try:
        return process.cmdline()[:4]
    except psutil.Error:
        return []
