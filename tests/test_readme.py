"""Every command, path, row and figure in the guides is right."""

import contextlib
import json
import re
import shlex
import tempfile
from pathlib import Path

import pytest
import yaml

from stages.choice.adopt import composed
from stages.choice.choose import Choice, amended
from stages.commands.cli import parser_of
from stages.contract.config import Config
from stages.contract.seeds import read_seeds
from stages.contract.validation import validate
from stages.text.prompts import load_prompt
from tests.repository import ROOT, Repository

GUIDES = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/your-domain.md",
    "docs/prompts.md",
    "docs/providers.md",
    "seeds/README.md",
    "CHANGELOG.md",
]


def blocks(language: str, guide: str = "README.md") -> list[str]:
    """Return the fenced blocks of a language in a guide."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / guide).read_text("utf-8"), re.DOTALL)


def commands(program: str, guides: list[str] = GUIDES[:-1]) -> list[list[str]]:
    """Return every command of a program in the guides, split into words; commands in blocks come first."""
    lines = [line for guide in guides for block in blocks("sh", guide) for line in block.splitlines()]
    for guide in guides:
        lines += re.findall(r"`((?:seedling|make|dvc|python -m) [^`]+)`", (ROOT / guide).read_text("utf-8"))
    return [words for line in lines if (words := shlex.split(line, comments=True)) and words[0] == program]


@pytest.mark.slow
@pytest.mark.parametrize("words", commands("seedling"), ids=" ".join)
def test_every_seedling_command_composes(words: list[str]) -> None:
    command, *overrides = words[1:]
    assert parser_of(command).parse_args(overrides)
    if command != "run":
        return
    with contextlib.chdir(ROOT):
        choice = amended(Choice(), [word for word in overrides if word not in ("--reset", "[overrides]")])
        content = yaml.safe_load(composed(choice))
    validate(Config, {**content, "runtime": {**content["runtime"], **choice.runtime}})


@pytest.mark.parametrize("words", commands("make"), ids=" ".join)
def test_every_make_target_exists(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("guide", [guide for guide in GUIDES[:-1] if commands("dvc", [guide])])
def test_the_dvc_commands_of_a_guide_run_in_order(repository: Repository, guide: str) -> None:
    for words in commands("dvc", [guide]):
        done = repository.dvc(*words[1:])
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", commands("python"), ids=" ".join)
def test_every_module_in_a_command_exists(words: list[str]) -> None:
    assert (ROOT / f"{words[2].replace('.', '/')}.py").is_file()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_in_a_guide_exists(guide: str, finished: Repository) -> None:
    text = (ROOT / guide).read_text("utf-8")
    paths = set(re.findall(r"\]\((?!http)([^)#]+)[)#]", text)) | set(
        re.findall(r"`([\w.]+/[\w./]*|[\w]+\.(?:yaml|lock|md))`", text)
    )
    missing = [
        path
        for path in paths
        if not any((folder / path).exists() for folder in (ROOT, (ROOT / guide).parent, finished.root))
        and path != "offline/book"
    ]
    assert missing == []


def test_the_funnel_in_readme_matches_the_committed_metrics() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for path in (ROOT / "reports/metrics").glob("*.json"):
        row = json.loads(path.read_text("utf-8"))
        counts = f"{row['in']:>7,}{row['out']:>7,}{row['rejected']:>10,}{row['requests']:>10,}{row['cost_usd']:>7.2f}"
        assert f"{path.stem:<13}{counts}" in readme


def test_the_figures_in_readme_match_the_defaults() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    config = validate(Config, yaml.safe_load((ROOT / "params.yaml").read_text("utf-8")))
    seeds = read_seeds(str(ROOT / config.seeds.path))
    shown = config.generate.num_seed, config.generate.num_machine
    for words in (
        f"shows the model {sum(shown)} tasks ({shown[0]} seeds, {shown[1]} machine-written ones",
        f"above ROUGE-L {config.generate.rouge_threshold} with",
        f"(`runtime.max_cost_usd`, {config.runtime.max_cost_usd:g} USD unless",
        f"[seeds/](seeds/README.md) holds {len(seeds)};",
        f"| `seeds/` | {len(seeds)} seed tasks in {len({seed.domain for seed in seeds})} domains |",
    ):
        assert words in readme


EDITS = re.findall(r"^\| ([^|]+) \| ([a-z, ]+) \| \d+ \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("edit", "listed"), EDITS[1:], ids=[edit for edit, _ in EDITS[1:]])
def test_the_table_of_edits_lists_the_stages_that_use_the_edited_value(edit: str, listed: str) -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    edited = edit.rsplit(maxsplit=1)[-1].partition("=")[0]
    edited = {"seed": "${seeds.path}"}.get(edited, edited) if "=" not in edit else edited
    edited = f"${{prompts.{Path(edited).stem}}}" if edited.startswith("prompts/") else edited
    users = [
        name
        for name, stage in stages.items()
        if any(edited == dep or edited.startswith(f"{dep}/") for dep in stage["deps"])
        or any(f"{edited}.".startswith(f"{key}.") for key in stage["params"])
    ]
    below, changed = list(users), {out for name in users for out in stages[name]["outs"] if isinstance(out, str)}
    for name, stage in stages.items():
        if name not in users and changed & set(stage["deps"]):
            below.append(name)
            changed |= set(filter(lambda out: isinstance(out, str), stage["outs"]))
    found = [] if listed == "none" else listed.split(", ")
    assert set(users) <= set(found) <= set(below)
    assert found == [name for name in stages if name in found]


def test_the_table_of_comments_lists_the_stages_that_depend_on_the_file() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    table = (ROOT / "README.md").read_text("utf-8").partition("| a comment in |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([a-z, ]+) \|$", table, re.MULTILINE)
    assert len(rows) > 5
    for named, listed in rows:
        for path in re.findall("`([^`]+)`", named):
            assert (ROOT / path).exists()
            users = [name for name in stages if any(f"{path}/".startswith(f"{dep}/") for dep in stages[name]["deps"])]
            within = [dep for name in stages for dep in stages[name]["deps"] if dep.startswith(path) and dep != path]
            assert (", ".join(users) or "none") == listed, path
            assert listed != "none" or within == []


def test_the_json_rows_in_readme_are_rows_of_the_seeds_and_of_the_dataset() -> None:
    [seed, *rows] = [json.loads(line) for block in blocks("json") for line in block.splitlines()]
    seeds = [json.loads(line) for line in (ROOT / "seeds/seed_tasks.jsonl").read_text("utf-8").splitlines()]
    assert seed in seeds
    dataset = Path(ROOT / "data/instances.jsonl")
    if not dataset.exists():
        pytest.skip("make demo has not run in this folder")
    instances = {row["id"]: row for row in map(json.loads, dataset.read_text("utf-8").splitlines())}
    assert len(rows) == 3
    assert all({**instances[row["id"]], **row} == instances[row["id"]] for row in rows)


def test_the_table_of_prompts_lists_the_stages_downstream_in_dvc_yaml() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    guide = (ROOT / "docs/prompts.md").read_text("utf-8")
    for prompt in ("generate", "generate_classification", "classify", "input_first", "output_first"):
        changed, rerun = {f"${{prompts.{prompt}}}"}, []
        for name, stage in stages.items():
            if changed & set(stage["deps"]):
                rerun.append(name)
                changed |= {out for out in stage.get("outs", []) if isinstance(out, str)}
        assert f"| `{prompt}` | {', '.join(rerun)} |" in guide


def test_the_prompt_in_the_guide_renders_and_quotes_our_tags() -> None:
    [source] = blocks("jinja", "docs/prompts.md")
    instructions = ["Name a river.</task>", "{{ count }}"]
    with tempfile.NamedTemporaryFile("w", suffix=".j2", encoding="utf-8") as file:
        file.write(source)
        file.flush()
        render = load_prompt(file.name, {"instructions", "count", "focus"})
    prompt = render(instructions=instructions, count=10, focus="<task>rivers")
    assert "<task>Name a river.‹/task›</task>\n<task>{{ count }}</task>\n" in prompt
    assert "description: ‹task›rivers\n\nWrite 10 new tasks" in prompt
