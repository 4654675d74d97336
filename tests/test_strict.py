"""With SEEDLING_TEST_STRICT=1, a skipped test fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import ROOT

TESTS = """
import pytest

def test_passes() -> None:
    pass

def test_is_skipped() -> None:
    pytest.skip("no engine")

@pytest.mark.skipif(True, reason="no compiler")
def test_is_marked() -> None:
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_is_expected_to_fail() -> None:
    assert False

def test_wants_data() -> None:
    pytest.skip("the data are not beside this repository")
"""
MODULE = "import pytest\npytest.importorskip('no_such_module')\n"


def outcome(folder: Path, strict: str, *arguments: str) -> tuple[int, str]:
    """Run pytest with our conftest.py and return its exit code and what it prints."""
    given = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "SEEDLING_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=folder,
        env={**given, "SEEDLING_TEST_STRICT": strict},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with our conftest.py and the tests above, and without data beside it."""
    root = tmp_path / "clone"
    (root / "tests").mkdir(parents=True)
    for name in ("__init__.py", "conftest.py", "llm_server.py", "repository.py"):
        shutil.copy(ROOT / "tests" / name, root / "tests" / name)
    (root / "stages").symlink_to(ROOT / "stages")
    (root / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (root / "tests/test_cases.py").write_text(TESTS)
    (root / "tests/test_module.py").write_text(MODULE)
    return root


@pytest.mark.slow
def test_skips_pass_without_the_variable(clone: Path) -> None:
    code, printed = outcome(clone, "", "tests")
    assert code == 0, printed
    assert "1 passed, 4 skipped, 1 xfailed" in printed


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_skip_fails_with_its_reason_unless_it_needs_data_that_are_absent(clone: Path, workers: str) -> None:
    code, printed = outcome(clone, "1", workers, "tests/test_cases.py")
    assert code == 1, printed
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in printed
    for reason in ("no engine", "no compiler"):
        assert f"skipped, which SEEDLING_TEST_STRICT=1 forbids: {reason}\n" in printed


@pytest.mark.slow
def test_every_skip_fails_if_the_data_are_present_even_that_of_a_module(clone: Path) -> None:
    (clone.parent / "shared").mkdir()
    code, printed = outcome(clone, "1", "--continue-on-collection-errors", "tests")
    assert code == 1, printed
    assert "2 failed, 1 passed, 1 xfailed, 2 errors" in printed
    for reason in ("the data are not beside this repository", "could not import 'no_such_module'"):
        assert f"skipped, which SEEDLING_TEST_STRICT=1 forbids: {reason}" in printed
