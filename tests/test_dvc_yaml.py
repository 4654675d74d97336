"""dvc.yaml, conf/, params.yaml and the code agree."""

import ast
import hashlib
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.analyze import BEFORE_REPORT
from stages.choice.compose import compose
from stages.contract.config import Config
from stages.contract.sections.base import Section
from stages.contract.validation import validate
from tests.repository import ROOT, Repository

PARAMS = Repository(ROOT).params()
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
ROOMS = sorted(path.parent.name for path in (ROOT / "stages").glob("*/__init__.py"))
REPORTED = (("data/rejected", "jsonl"), ("reports/metrics", "json"))
NO_DEPENDENCY = {"llm", "models", "choice"}
"""Packages that stages import without depending on them.

llm/ and models/ cannot change a byte once an answer is stored: the key of the answer holds the request and the revision
of the model. choice/ compares conf/ with params.yaml, and `check` depends on both.
"""
LAYERS = (
    {"contract"},
    {"store"},
    {"models", "novelty", "text"},
    {"llm", "rules", "draw", "page"},
    {*STAGES, "choice"},
    {"commands"},
)
"""The order of imports: a package or stage imports only from earlier layers and from itself."""


def imports(path: Path) -> set[str]:
    """Return the modules a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def closure(module: str, seen: set[Path]) -> set[Path]:
    """Return the files of this repository that a module needs: its own, its packages and all its imports."""
    path = file_of(module)
    if path is None or path in seen:
        return seen
    seen.add(path)
    parts = module.split(".")
    for name in {".".join(parts[:length]) for length in range(1, len(parts))} | imports(path):
        closure(name, seen)
    return seen


def declared_code(name: str) -> set[Path]:
    """Return the Python files a stage depends on, with folders replaced by their files."""
    paths = [ROOT / dependency for dependency in STAGES[name]["deps"] if dependency.startswith("stages/")]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*"))]
    return {file for file in files if file.suffix == ".py"}


def written(name: str) -> list[str]:
    """Return the paths a stage declares to write."""
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in STAGES[name].get(kind, [])]
    return [path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_code_it_imports(name: str) -> None:
    assert STAGES[name]["cmd"] == f"sh stages/start.sh {name}"
    imported = closure(f"stages.{name}", set())
    assert declared_code(name) == {path for path in imported if not NO_DEPENDENCY & set(path.parent.parts)}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_only_files_it_depends_on(name: str) -> None:
    source = (ROOT / f"stages/{name}.py").read_text("utf-8")
    read = set(re.findall(r'read_\w+\(\s*"([\w/.]+)"', source)) | set(re.findall(r'Path\("([\w/.]+)"\)\.read', source))
    assert read - {"conf/choice.yaml"} <= set(STAGES[name]["deps"])


@pytest.mark.parametrize("name", [name for name in STAGES if name != "check"])
def test_a_stage_depends_on_each_seed_file_and_prompt_whose_path_it_reads(name: str) -> None:
    source = (ROOT / f"stages/{name}.py").read_text("utf-8")
    tracked, deps = set(STAGES[name]["params"]), STAGES[name]["deps"]
    assert ("${seeds.path}" in deps) == ("seeds" in tracked) == ("read_seeds(" in source)
    model = import_module(f"stages.{name}").Config
    templates = {key for key in keys_of(model) if key.startswith("prompts.")}
    assert {key for key in tracked if key.startswith("prompts.")} == templates
    assert {dependency for dependency in deps if dependency.startswith("${prompts.")} == {
        f"${{{key}}}" for key in templates
    }


def test_the_report_depends_on_the_rejections_and_metrics_of_every_earlier_stage() -> None:
    files = {f"{folder}/{name}.{ending}" for name in BEFORE_REPORT for folder, ending in REPORTED}
    assert files <= set(STAGES["analyze"]["deps"])
    assert list(BEFORE_REPORT) == [name for name in STAGES if name not in ("check", "analyze", "export")]


def test_every_written_file_is_declared_by_exactly_one_stage(finished: Repository) -> None:
    declared = [path for name in STAGES for path in written(name)]
    assert len(declared) == len(set(declared))
    found = {path if not path.startswith("data/export/") else "data/export" for path in finished.data()}
    assert found == set(declared)


def test_metrics_and_plots_stay_out_of_the_dvc_cache() -> None:
    entries = [entry for stage in STAGES.values() for kind in ("metrics", "plots") for entry in stage.get(kind, [])]
    assert all(isinstance(entry, dict) and all(out["cache"] is False for out in entry.values()) for entry in entries)


@pytest.mark.slow
def test_every_plot_shows_fields_of_its_data_and_dvc_draws_no_other(finished: Repository) -> None:
    pictures = {
        path: picture for stage in STAGES.values() for plot in stage.get("plots", []) for path, picture in plot.items()
    }
    assert pictures
    for path, picture in pictures.items():
        assert {picture["x"], picture["y"]} <= json.loads(finished.read(path))[0].keys(), path
    done = finished.dvc("plots", "show", "--json", "--out", str(finished.root.parent / "plots"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"].keys() == pictures.keys()


def test_every_stage_but_check_waits_for_check() -> None:
    assert [name for name in STAGES if "reports/checked.txt" not in STAGES[name]["deps"]] == ["check"]


def test_no_stage_uses_an_option_that_disables_the_run_cache() -> None:
    for name, stage in STAGES.items():
        assert not {"always_changed", "frozen"} & stage.keys()
        outs = [out for out in stage.get("outs", []) if isinstance(out, dict)]
        assert [list(out) for out in outs] == ([["reports/checked.txt"]] if name == "check" else [])


def test_no_stage_tracks_runtime() -> None:
    assert not [name for name in STAGES if any(key.startswith("runtime") for key in STAGES[name]["params"])]


def test_check_tracks_every_group_but_runtime() -> None:
    assert set(STAGES["check"]["params"]) == set(type(validate(Config, PARAMS)).model_fields) - {"runtime"}


def test_params_yaml_matches_conf() -> None:
    assert (ROOT / "params.yaml").read_text("utf-8") == compose(ROOT / "conf")


def rooms_imported(path: Path) -> set[str]:
    """Return the packages and stages of this repository that a file imports."""
    return {module.split(".")[1] for module in imports(path) if module.startswith("stages.")}


def test_imports_go_in_one_direction() -> None:
    layers = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    assert layers.keys() == {*ROOMS, *STAGES}
    for path in (ROOT / "stages").glob("*/**/*.py"):
        own = path.relative_to(ROOT / "stages").parts[0]
        assert [other for other in rooms_imported(path) - {own} if layers[other] >= layers[own]] == [], path


def test_a_stage_never_imports_a_stage_or_a_command() -> None:
    for name in STAGES:
        assert not rooms_imported(ROOT / f"stages/{name}.py") & {*STAGES, "commands"}, name


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("hydra", {"choice"}),
        ("omegaconf", {"choice"}),
        ("litellm", {"llm"}),
        ("openai", {"llm"}),
        ("rouge_score", set()),
        ("dvc", {"commands", "store"}),
    ],
)
def test_a_library_is_imported_in_its_own_room_only(library: str, rooms: set[str]) -> None:
    users = {
        path.relative_to(ROOT / "stages").parts[0]
        for path in (ROOT / "stages").rglob("*.py")
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users == rooms


@pytest.mark.parametrize("name", [name for name in STAGES if name != "check"])
def test_a_stage_reads_exactly_the_sections_it_declares(name: str) -> None:
    model: type[Section] = import_module(f"stages.{name}").Config
    tracked = set(STAGES[name]["params"])
    read = {key for key in keys_of(model) if key.partition(".")[0] != "runtime"}
    assert {key for key in leaves(PARAMS) if key in tracked or any(key.startswith(f"{t}.") for t in tracked)} == {
        key for key in leaves(PARAMS) if key in read or any(key.startswith(f"{r}.") for r in read)
    }
    source = (ROOT / f"stages/{name}.py").read_text("utf-8")
    assert set(re.findall(r"\bconfig\.(\w+)", source)) >= set(model.model_fields) - {"runtime"}


def keys_of(model: type[Section]) -> set[str]:
    """Return the dotted keys of the fields of a stage's config and of its sections."""
    found = set()
    for name, field in model.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        found |= {f"{name}.{key}" for key in inner} if inner else {name}
    return found


def leaves(node: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for key, value in node.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return found


def test_every_key_of_the_config_is_used_by_code() -> None:
    declared = ROOT / "stages/contract/sections"
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "stages").rglob("*.py") if path.parent != declared)
    unused = {key for key in leaves(PARAMS) if not re.search(rf"\b{key.split('.')[-1]}\b", code)}
    assert unused == set()


@pytest.mark.parametrize("path", sorted((ROOT / "conf").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_key_in_conf_has_a_comment(path: Path) -> None:
    skipped = path.parent.name == "experiment"
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith(" "):
            skipped = path.parent.name == "experiment" or line.startswith(("defaults:", "hydra:"))
        if re.match(r" *\w+: \S", line) and not skipped:
            assert " # " in line, f"{path.name}: {line}"


@pytest.mark.parametrize(
    "overrides",
    [
        *([f"{path.parent.name}={path.stem}"] for path in sorted((ROOT / "conf").glob("*/default.yaml"))),
        *([f"llm={path.stem}"] for path in sorted((ROOT / "conf/llm").glob("[!_]*.yaml")) if path.stem != "any"),
        ["llm=any", "llm.model=mistral/mistral-small-latest"],
        *([f"experiment={path.stem}"] for path in sorted((ROOT / "conf/experiment").glob("*.yaml"))),
        [
            "llm.mode=completion",
            *(f"{group}=completion" for group in ("prompts", "generate", "classify", "instantiate")),
        ],
    ],
    ids=lambda overrides: ",".join(overrides)[:40],
)
def test_every_option_in_conf_composes_and_is_valid(overrides: list[str]) -> None:
    validate(Config, yaml.safe_load(compose(ROOT / "conf", overrides)))


def test_the_revision_of_the_built_in_model_is_the_hash_of_its_files() -> None:
    folder = ROOT / "stages/models/book"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    group = yaml.safe_load((ROOT / "conf/llm/offline.yaml").read_text("utf-8"))
    assert group["revision"] == digest.hexdigest()[:12], "write this value into conf/llm/offline.yaml"
