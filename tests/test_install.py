"""The lock files, what they install, and the installer."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from install import UV, pip_settings, uv_arguments
from stages.commands.cli import main
from tests.repository import ROOT
from tests.test_dvc_yaml import imports

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DIRECT = {
    "requirements.lock": [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]],
    "requirements-dev.lock": PROJECT["dependency-groups"]["dev"],
    "requirements-uv.lock": PROJECT["dependency-groups"]["installer"],
}
LOCKS = sorted(DIRECT)
OLDEST = {"python_version": "3.11", "python_full_version": "3.11.0"}


def entries(lock: str) -> list[str]:
    """Return the requirements of a lock, each with its hashes."""
    return re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip())


def locked(lock: str) -> dict[str, str]:
    """Return the versions of a lock by package. Of several, return that for the oldest Python."""
    wanted = [Requirement(entry.split("\\")[0]) for entry in entries(lock)]
    fitting = [entry for entry in wanted if not entry.marker or entry.marker.evaluate(dict(OLDEST))]
    return {entry.name: str(entry.specifier) for entry in fitting}


def name_of(requirement: str) -> str:
    """Return the name of a package in the spelling of locks."""
    return canonicalize_name(Requirement(requirement).name)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_and_hashes_every_package_and_names_no_host(lock: str) -> None:
    found = entries(lock)
    assert len(found) >= len(DIRECT[lock])
    assert all(re.match(r"[\w.-]+(?:\[[\w,-]+\])?==\S+", entry) and "--hash=sha256:" in entry for entry in found)
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_versions_that_the_project_allows(lock: str) -> None:
    versions = locked(lock)
    wrong = [
        text for text in DIRECT[lock] if versions[name_of(text)].removeprefix("==") not in Requirement(text).specifier
    ]
    assert wrong == []


def test_the_runtime_lock_holds_neither_test_tools_nor_torch() -> None:
    assert not {name_of(text) for text in DIRECT["requirements-dev.lock"]} & set(locked("requirements.lock"))
    assert "torch" not in {name for lock in LOCKS for name in locked(lock)}


def test_locks_agree_on_the_versions_they_share() -> None:
    running, tools = locked("requirements.lock"), locked("requirements-dev.lock")
    common = running.keys() & tools.keys()
    assert common
    assert {name: tools[name] for name in common} == {name: running[name] for name in common}


def test_every_imported_library_is_a_declared_dependency() -> None:
    dependencies = [Requirement(text).name.lower() for text in PROJECT["project"]["dependencies"]]
    installed = packages_distributions()
    files = [path for folder in ("stages", "hydra_plugins") for path in (ROOT / folder).rglob("*.py")]
    imported = {name.split(".")[0] for path in files for name in imports(path)}
    foreign = imported - sys.stdlib_module_names - {"stages", "hydra_plugins"}
    names = {name: {found.lower().replace("_", "-") for found in installed[name]} for name in foreign}
    assert {name for name, packages in names.items() if not packages & set(dependencies)} == set()


def test_the_seedling_command_calls_main() -> None:
    [(name, place)] = PROJECT["project"]["scripts"].items()
    assert name == "seedling"
    assert EntryPoint(name, place, "console_scripts").load() is main


def test_make_installs_only_from_hashed_locks() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^INSTALL := \S+ install.py$", makefile, re.MULTILINE)
    assert re.search(r"^LOCKED := \$\(INSTALL\) --require-hashes -r$", makefile, re.MULTILINE)
    used = set(re.findall(r"^\t@\$\((INSTALL|LOCKED)\) (.+)$", makefile, re.MULTILINE))
    assert used == {
        ("LOCKED", ".venv/build.lock"),
        ("LOCKED", "requirements.lock"),
        ("INSTALL", "--no-deps -e ."),
        ("LOCKED", "requirements-dev.lock"),
    }


def test_only_our_pth_file_and_that_of_setuptools_run_at_interpreter_start() -> None:
    site = Path(sysconfig.get_paths()["purelib"])
    found = {path.name for path in site.glob("*.pth")}
    assert {name for name in found if not name.startswith("__editable__.seedling-")} <= {"distutils-precedence.pth"}


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        pytest.param(
            ["global.index-url='https://one.example/simple'"],
            {"UV_DEFAULT_INDEX": "https://one.example/simple"},
            id="index",
        ),
        pytest.param(
            ["global.extra-index-url='\\nhttps://one.example/a\\nhttps://two.example/b'"],
            {"UV_INDEX": "https://one.example/a https://two.example/b"},
            id="two_indexes_on_separate_lines",
        ),
        pytest.param([":env:.find-links='/wheels ../more'"], {"UV_FIND_LINKS": "/wheels,../more"}, id="folders"),
        pytest.param(
            ['global.cert="/etc/it\'s.pem"'], {"SSL_CERT_FILE": "/etc/it's.pem"}, id="certificate_with_a_quote"
        ),
        pytest.param(
            [":env:.index-url='https://c'", "global.index-url='https://a'", "install.index-url='https://b'"],
            {"UV_DEFAULT_INDEX": "https://c"},
            id="environment_wins",
        ),
        pytest.param(
            ["global.index-url='https://a'", "install.index-url='https://b'"],
            {"UV_DEFAULT_INDEX": "https://b"},
            id="install_before_global",
        ),
        pytest.param(
            ["global.index-url='https://u:p=1@a/?x=y'"], {"UV_DEFAULT_INDEX": "https://u:p=1@a/?x=y"}, id="equals_sign"
        ),
        pytest.param(["download.index-url='https://a'", "global.constraint='c.txt'", ""], {}, id="other_settings"),
    ],
)
def test_uv_gets_the_index_settings_of_pip(listing: list[str], expected: dict[str, str]) -> None:
    assert uv_arguments(pip_settings(listing)) == ({"UV_INDEX_STRATEGY": "unsafe-best-match", **expected}, [])


@pytest.mark.parametrize(
    ("value", "expected"), [("true", ["--no-index"]), ("1", ["--no-index"]), ("false", []), ("", [])]
)
def test_uv_uses_no_index_if_pip_uses_none(value: str, expected: list[str]) -> None:
    assert uv_arguments(pip_settings([f":env:.no-index={value!r}"]))[1] == expected


def write_wheel(folder: Path, name: str) -> None:
    """Write the wheel of a package with one empty module."""
    folder.mkdir(exist_ok=True)
    place = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{place}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{place}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{place}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)


@pytest.mark.slow
def test_a_package_that_pip_finds_installs_with_and_without_uv(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    names = ["seedling_test_leaf", "seedling_test_root", "seedling_test_stem"]
    for name in names:
        write_wheel(tmp_path / "wheels", name)
    settings = tmp_path / "pip.conf"
    settings.write_text(f"[install]\nno-index = true\nfind-links = {tmp_path / 'wheels'}\n")
    given = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    given |= {"PIP_CONFIG_FILE": str(settings), "UV_OFFLINE": "1"}

    def install(name: str) -> tuple[str, str]:
        """Return the installer of a package, and its messages."""
        command = [str(python), str(ROOT / "install.py"), name]
        done = subprocess.run(command, env=given, check=True, capture_output=True, text=True)
        [by] = (tmp_path / "venv").rglob(f"{name}-1.0.dist-info/INSTALLER")
        return by.read_text().strip(), done.stderr

    if UV.exists():  # pip alone may have installed .venv
        (tmp_path / "venv/uv.log").touch()
        shutil.copy(UV, tmp_path / "venv/bin/uv")
        assert install(names[0]) == ("uv", "")
        (tmp_path / "venv/bin/uv").unlink()
        (tmp_path / "venv/uv.log").unlink()
    by, said = install(names[1])
    assert by == "pip"
    assert re.fullmatch(r"make: uv does not work here \(.*uv\.log says why\), so pip installs, .*\n", said)
    assert "No matching distribution found for uv==" in (tmp_path / "venv/uv.log").read_text()
    assert install(names[2]) == ("pip", "")
