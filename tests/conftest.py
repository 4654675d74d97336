"""Fixtures that tests share: one finished repository per run, a copy of it for each test, and a model server.

With SEEDLING_TEST_STRICT=1, as in CI, a skipped test fails. Tests that need absent data beside the repository may skip.
"""

import fcntl
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.llm_server import LlmServer
from tests.repository import SHARED, Repository, new_repository

STRICT = os.environ.get("SEEDLING_TEST_STRICT") == "1"


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure with its reason. Leave an expected failure unchanged."""
    if not STRICT or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    needs_shared = "beside this repository" in reason or str(SHARED) in reason
    if needs_shared and not SHARED.exists():
        return
    report.outcome = "failed"
    report.longrepr = f"skipped, which SEEDLING_TEST_STRICT=1 forbids: {reason.removeprefix('Skipped: ')}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a test, with a skip as a failure in strict mode."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Report the collection of a file, which can skip as a whole."""
    report = yield
    refuse_skip(report)
    return report


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose DAG has finished with 12 instructions. Read-only: use `repository` to change files."""
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
    """A copy of the finished repository that a test may change."""
    return finished.copy(tmp_path / "repository")


@pytest.fixture
def llm_server() -> Iterator[LlmServer]:
    """A model server for this test alone."""
    with LlmServer() as server:
        yield server
