"""The lock and what it installs."""

import re
import sysconfig
import tomllib
from pathlib import Path

from tests.repository import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")


def test_the_lock_pins_and_hashes_everything_and_names_no_host() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(entries) > 100
    assert all(re.match(r"[\w.-]+(?:\[[\w,-]+\])?==\S+", entry) and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_every_direct_dependency_is_locked_and_torch_is_not() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!\[ ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    locked = set(re.findall(r"^([\w.-]+?)(?:\[[\w,-]+\])?==", LOCK, re.MULTILINE))
    assert names <= locked
    assert "setuptools" in locked
    assert "torch" not in locked


def test_nothing_runs_at_interpreter_start_but_ours_and_setuptools() -> None:
    site = Path(sysconfig.get_paths()["purelib"])
    found = {path.name for path in site.glob("*.pth")}
    assert {name for name in found if not name.startswith("__editable__.seedling-")} <= {"distutils-precedence.pth"}
