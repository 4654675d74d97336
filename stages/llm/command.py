"""The command that started a stage: its stages share one budget, and they stop when it is gone."""

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
_CLOCK_SECONDS = 2  # two readings of when a process started may differ by this much


def run_id(process: psutil.Process) -> str:
    """Return a name for a process that is unique across machines: host, process id, start in seconds since 1970."""
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def current_run() -> str:
    """Return the run id of the command: that of `seedling`, or of the `dvc` above this process, or of this process."""
    return os.environ.get(RUN_VARIABLE) or run_id(_dvc() or psutil.Process())


async def stop_when_orphaned() -> None:
    """Send this process SIGTERM once the command that started it is gone, so that it does not keep paying."""
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
    """Return the nearest `dvc` above this process; None if there is none."""
    with suppress(psutil.NoSuchProcess):  # one of them has just ended
        for process in psutil.Process().parents():
            if any(Path(word).name in _DVC for word in _words(process)):
                return process
    return None


def _parent() -> psutil.Process | None:
    """Return the process that started this one; None if that was a dvc that has died.

    The process that then adopts this one does not run Python, which is how we can tell.
    """
    if "DVC_STAGE" not in os.environ:
        return psutil.Process().parent() or psutil.Process()  # the first process of a container has no parent
    with suppress(psutil.NoSuchProcess):  # the shell has just ended
        starter = psutil.Process().parent()
        while starter and _is_shell(starter):
            starter = starter.parent()
        if starter and any("python" in word for word in _words(starter)):
            return starter
    return None


def _is_shell(process: psutil.Process) -> bool:
    """Return True for a shell that waits for its command. dash stays between dvc and a stage; bash replaces itself."""
    words = _words(process)
    return "-c" in words and "python" not in Path(words[0]).name


def _seedling() -> psutil.Process | None:
    """Return the `seedling` that started this process; None if it is gone.

    Without one on this host it returns this process, which counts as alive.
    """
    host, pid, began = os.environ.get(RUN_VARIABLE, "::").rsplit(":", 2)
    if host != socket.gethostname():
        return psutil.Process()
    try:
        process = psutil.Process(int(pid))
        return process if abs(process.create_time() - int(began)) <= _CLOCK_SECONDS else None
    except psutil.NoSuchProcess:
        return None


def _words(process: psutil.Process) -> list[str]:
    """Return the first words of a command line; none if it cannot be read."""
    try:
        return process.cmdline()[:4]
    except psutil.Error:
        return []
