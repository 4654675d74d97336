"""The lock and what it installs."""

import re
import sys
import sysconfig
import tomllib
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

from stages.commands.cli import main
from tests.repository import ROOT
from tests.test_dvc_yaml import imports

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_lock_pins_and_hashes_everything_and_names_no_host() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(entries) > 100
    assert all(re.match(r"[\w.-]+(?:\[[\w,-]+\])?==\S+", entry) and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_every_direct_dependency_is_locked_and_torch_is_not() -> None:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!\[ ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    locked = set(re.findall(r"^([\w.-]+?)(?:\[[\w,-]+\])?==", LOCK, re.MULTILINE))
    assert names <= locked
    assert "setuptools" in locked
    assert "torch" not in locked


def test_every_library_the_code_imports_is_a_dependency_of_its_own() -> None:
    dependencies = [Requirement(text).name.lower() for text in PROJECT["dependencies"]]
    installed = packages_distributions()
    files = [path for folder in ("stages", "hydra_plugins") for path in (ROOT / folder).rglob("*.py")]
    imported = {name.split(".")[0] for path in files for name in imports(path)}
    foreign = imported - sys.stdlib_module_names - {"stages", "hydra_plugins"}
    names = {name: {found.lower().replace("_", "-") for found in installed[name]} for name in foreign}
    assert {name for name, packages in names.items() if not packages & set(dependencies)} == set()


def test_the_versions_locked_are_those_the_project_allows() -> None:
    wanted = [Requirement(text) for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]]
    locked = dict(re.findall(r"^([\w.-]+?)(?:\[[\w,-]+\])?==([^ ;\\]+)", LOCK, re.MULTILINE))
    assert [str(entry) for entry in wanted if locked[entry.name.lower()] not in entry.specifier] == []


def test_the_command_installed_is_there() -> None:
    [(name, place)] = PROJECT["scripts"].items()
    assert name == "seedling"
    assert EntryPoint(name, place, "console_scripts").load() is main


def test_what_is_installed_is_what_the_lock_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^PIP := .*--require-hashes", makefile, re.MULTILINE)
    assert set(re.findall(r"\$\(PIP\).* -r (\S+)", makefile)) == {".venv/build.lock", "requirements.lock"}


def test_nothing_runs_at_interpreter_start_but_ours_and_setuptools() -> None:
    site = Path(sysconfig.get_paths()["purelib"])
    found = {path.name for path in site.glob("*.pth")}
    assert {name for name in found if not name.startswith("__editable__.seedling-")} <= {"distutils-precedence.pth"}
