"""What tests share: one finished repository per run, a copy of it for each test, and a server of answers."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.llm_server import LlmServer
from tests.repository import Repository, new_repository


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose DAG has run to its end with 12 instructions. Not to be changed: take `repository`."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own  # the first worker builds, the others wait
    repository = Repository(shared / "finished")
    with open(shared / "finished.lock", "w", encoding="utf-8") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if not repository.root.exists():
            building = new_repository(shared / "building", instructions=12)
            done = building.seedling("run")
            assert done.returncode == 0, done.stderr
            building.commit()
            building.root.rename(repository.root)
    return repository


@pytest.fixture
def repository(finished: Repository, tmp_path: Path) -> Repository:
    """A copy of the finished repository, to be changed as a test likes."""
    return finished.copy(tmp_path / "repository")


@pytest.fixture
def llm_server() -> Iterator[LlmServer]:
    """A server of answers of this test's own."""
    with LlmServer() as server:
        yield server
