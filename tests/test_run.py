"""`seedling run` and `seedling demo`: what they choose, keep, refuse and rerun."""

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.choice.choose import Choice, amended
from tests.llm_server import LlmServer, slow
from tests.records import NOTICE
from tests.repository import Repository, stages_run


@pytest.mark.parametrize(
    ("before", "overrides", "groups", "values"),
    [
        ({}, ["llm=openai"], {"llm": "openai"}, {}),
        (
            {},
            ["llm@classify.llm=ollama", "classify.temperature=0"],
            {"llm@classify.llm": "ollama"},
            {"classify": {"temperature": 0}},
        ),
        ({"llm": {"model": "openai/a"}, "seed": 7}, ["llm=ollama"], {"llm": "ollama"}, {"seed": 7}),
        (
            {"classify": {"llm": {"model": "x/y"}}},
            ["llm@classify.llm=vllm"],
            {"llm@classify.llm": "vllm"},
            {"classify": {}},
        ),
        ({"seed": 7}, ["experiment=smoke"], {"experiment": "smoke"}, {}),
        ({"seed": 7}, ["experiment=null"], {}, {}),
        ({}, ["seed=1", "experiment=smoke"], {"experiment": "smoke"}, {"seed": 1}),
        ({}, ["llm.model=openai/b", "llm=openai"], {"llm": "openai"}, {"llm": {"model": "openai/b"}}),
        (
            {},
            ["generate.focus=[{text: 'a b', weight: 1.5}]"],
            {},
            {"generate": {"focus": [{"text": "a b", "weight": 1.5}]}},
        ),
    ],
    ids=[
        "group",
        "one stage",
        "group drops values",
        "stage drops values",
        "experiment drops all",
        "null",
        "any order",
        "group after value",
        "list",
    ],
)
def test_overrides_amend_the_choice(
    before: dict[str, object], overrides: list[str], groups: dict[str, str], values: dict[str, object]
) -> None:
    found = amended(Choice(values=before), overrides)
    assert (found.groups, found.values) == (groups, values)


@pytest.mark.parametrize(
    ("overrides", "groups"),
    [
        (["experiment=smoke"], {"experiment": "smoke"}),
        (["llm@classify.llm=null"], {"llm": "openai"}),
        (["llm=vllm"], {"llm@classify.llm": "ollama", "llm": "vllm"}),
    ],
    ids=["experiment drops groups", "null drops its group", "the last one chosen is named last"],
)
def test_choosing_a_group_or_experiment_resets_earlier_choices(overrides: list[str], groups: dict[str, str]) -> None:
    found = amended(Choice(groups={"llm": "openai", "llm@classify.llm": "ollama"}), overrides)
    assert list(found.groups.items()) == list(groups.items())


def test_runtime_is_never_part_of_the_choice() -> None:
    found = amended(Choice(), ["runtime.concurrency=2", "seed=1"])
    assert (found.values, found.runtime) == ({"seed": 1}, {"concurrency": 2})
    assert "concurrency" not in found.text()


@pytest.mark.slow
def test_a_choice_persists_grows_with_each_run_and_can_be_reset(repository: Repository) -> None:
    first = repository.seedling("run", "analyze.shown_rejected=7")
    assert stages_run(first) == ["check", "analyze"]
    second = repository.seedling("run", "export.validation_fraction=0.5")
    assert stages_run(second) == ["check", "export"]
    assert "seedling: analyze.shown_rejected=7 export.validation_fraction=0.5" in second.stderr
    assert stages_run(repository.dvc("repro")) == []
    reset = repository.seedling("run", "--reset")
    assert reset.returncode == 0
    assert "seedling: conf/ as it is" in reset.stderr
    assert repository.changed() == []


def test_a_second_run_does_nothing_and_leaves_git_clean(repository: Repository) -> None:
    done = repository.seedling("run")
    assert (done.returncode, stages_run(done), repository.changed()) == (0, [], [])


@pytest.mark.slow
def test_a_runtime_override_reruns_nothing_and_is_not_saved(repository: Repository) -> None:
    done = repository.seedling("run", "runtime.concurrency=3")
    assert (done.returncode, stages_run(done)) == (0, [])
    assert repository.params()["runtime"]["concurrency"] == 64


@pytest.mark.slow
def test_a_runtime_override_takes_precedence_over_the_environment(repository: Repository, tmp_path: Path) -> None:
    environment = json.dumps({"answers_dir": str(tmp_path / "environment")})
    command = ["run", "classify.temperature=0.5", f"runtime.answers_dir={tmp_path / 'command'}"]
    done = repository.seedling(*command, SEEDLING_RUNTIME=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "command").is_dir()
    assert not (tmp_path / "environment").exists()


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["generate.num_instructons=3"], "generate.num_instructons: unknown key; did you mean 'num_instructions'?"),
        (["generate.window=abc"], "generate.window: Input should be a valid integer, found 'abc'"),
        (["generate.top_p=3"], "generate.top_p: Input should be less than or equal to 1, found 3"),
        (["generate.temperature=nan"], "generate.temperature: Input should be a finite number, found nan"),
        *(
            pytest.param(overrides, line, marks=pytest.mark.slow)
            for overrides, line in [
                (["llm=opnai"], "llm=opnai: no such option in conf/llm; did you mean 'openai'?"),
                (["experiment=tpyo"], "experiment=tpyo: no such option in conf/experiment; known: paper, smoke"),
                (["runtime=null"], "'runtime=null': cannot be chosen; write a group"),
                (["defaults=null"], "'defaults=null': cannot be chosen; write a group"),
                (["hydra.run.dir=x"], "'hydra.run.dir=x': cannot be chosen; write a group"),
                (
                    ["filter.drop_flags=[input_mising]"],
                    "filter.drop_flags.0: Input should be 'input_missing' or 'output_repeats'",
                ),
                (["llm.provider=openai"], "llm.model 'offline/book' does not belong to llm.provider 'openai'"),
                (["filter.drop_flags=[a"], "'filter.drop_flags=[a': is not an override; write key=value"),
                (["seed=1,2"], "'seed=1,2': takes one value; write key=value"),
                (["+a=1"], "'+a=1': takes one value; write key=value"),
                (["runtime.concurency=3"], "runtime.concurency: unknown key; did you mean 'concurrency'?"),
            ]
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_override_gives_a_one_line_error_and_changes_nothing(
    repository: Repository, overrides: list[str], line: str
) -> None:
    before = repository.read("conf/choice.yaml"), repository.read("params.yaml")
    done = repository.seedling("run", *overrides)
    assert done.returncode == 2
    assert f"seedling: {line}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (repository.read("conf/choice.yaml"), repository.read("params.yaml")) == before


def test_a_run_outside_a_repository_gives_a_one_line_error(finished: Repository, tmp_path: Path) -> None:
    done = Repository(tmp_path).run("python", "-m", "stages.commands.cli", "run", PYTHONPATH=str(finished.root))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no dvc.yaml and conf/ here or above" in done.stderr


def test_the_command_of_another_clone_is_refused(finished: Repository, tmp_path: Path) -> None:
    other = finished.copy(tmp_path / "other")
    done = Repository(other.root / "seeds").run(
        "python", "-m", "stages.commands.cli", "run", PYTHONPATH=str(finished.root)
    )
    assert done.returncode == 2
    assert f"this command runs the code of {finished.root}" in done.stderr


@pytest.mark.slow
def test_a_run_works_from_a_subfolder(repository: Repository) -> None:
    below = Repository(repository.root / "seeds")
    done = below.run("python", "-m", "stages.commands.cli", "run", PYTHONPATH=str(repository.root))
    assert (done.returncode, stages_run(done)) == (0, [])


def test_the_demo_shows_the_funnel_three_instances_and_where_the_files_are(repository: Repository) -> None:
    done = repository.seedling("demo")
    assert done.returncode == 0
    for name in ("generate", "classify", "instantiate", "filter", "analyze", "export"):
        assert f"\n{name} " in done.stdout
    assert done.stdout.count("\n  instruction ") == 3
    machine = [row for row in repository.rows("data/instances.jsonl") if row["source"] == "machine"]
    assert f"kept, 3 of {len(machine)}:" in done.stdout
    assert "data/report.html" in done.stdout
    assert "bin/activate" in done.stdout
    assert NOTICE in done.stdout
    assert "seedling run llm=openai" in done.stdout


def test_the_demo_refuses_any_other_model(repository: Repository) -> None:
    repository.choose("llm@classify.llm=ollama")
    done = repository.seedling("demo")
    assert done.returncode == 2
    assert "classify.llm.model: 'ollama_chat/llama3.2' is chosen and the demonstration never pays" in done.stderr


@pytest.mark.slow
def test_run_returns_the_exit_code_of_the_failed_stage(repository: Repository) -> None:
    seeds = repository.read("seeds/seed_tasks.jsonl").splitlines()
    repository.write("seeds/seed_tasks.jsonl", "\n".join([*seeds, '{"id": "x"}']))
    done = repository.seedling("run")
    assert done.returncode == 2
    assert (
        f"generate: seeds/seed_tasks.jsonl:{len(seeds) + 1}: instruction, instances, is_classification: Field"
        in done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_demo_returns_the_exit_code_of_the_failed_stage_and_shows_no_results(repository: Repository) -> None:
    repository.replace("params.yaml", "shown_rejected: 30", "shown_rejected: 31")
    done = repository.seedling("demo")
    assert done.returncode == 2
    assert "check: analyze.shown_rejected: conf/ composes 30, params.yaml holds 31" in done.stderr
    assert "kept, " not in done.stdout


@pytest.mark.slow
def test_run_fails_if_dvc_itself_fails(repository: Repository) -> None:
    repository.replace("dvc.yaml", "    cmd: sh stages/start.sh export\n", "")
    done = repository.seedling("run")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["generate: {num_instr", "defaults: null", "defaults: [3]", "a: 1\n---\nb: 2", "- a", "defaults: {a: b}"],
    ids=["cut", "null", "number", "two documents", "list", "mapping"],
)
def test_a_broken_choice_file_gives_a_one_line_error(finished: Repository, tmp_path: Path, text: str) -> None:
    repository = finished.copy(tmp_path / "broken")
    repository.write("conf/choice.yaml", text)
    done = repository.seedling("run")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert done.stderr.startswith("seedling: conf/choice.yaml: ")
    assert repository.read("conf/choice.yaml") == text


@pytest.mark.slow
@pytest.mark.parametrize("overlay", ["{", "[1]", "3"])
def test_a_broken_runtime_variable_gives_an_error_without_a_traceback(repository: Repository, overlay: str) -> None:
    for done in (
        repository.stage("filter", SEEDLING_RUNTIME=overlay),
        repository.seedling("run", SEEDLING_RUNTIME=overlay),
    ):
        assert done.returncode == 2
        assert "SEEDLING_RUNTIME: " in done.stderr
        assert "Traceback" not in done.stderr


def test_a_quoted_value_that_looks_like_a_number_stays_text(repository: Repository) -> None:
    repository.choose("llm.revision='1234e56'")
    assert repository.params()["llm"]["revision"] == "1234e56"
    assert amended(Choice(), []).describe() == "conf/ as it is"


def test_a_second_run_in_one_clone_is_refused_and_changes_nothing(finished: Repository, tmp_path: Path) -> None:
    repository = finished.copy(tmp_path / "busy")
    (repository.root / ".dvc/tmp").mkdir(exist_ok=True)
    with open(repository.root / ".dvc/tmp/seedling.lock", "w", encoding="utf-8") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        for command in (["run", "seed=44"], ["demo"]):
            done = repository.seedling(*command)
            assert done.returncode == 2
            assert done.stderr.startswith("seedling: another `seedling` runs in this clone; wait for it")
    assert repository.changed() == []


@pytest.mark.slow
def test_terminating_a_run_stops_its_stage(repository: Repository, llm_server: LlmServer) -> None:
    llm_server.behaviour = slow(0.3)
    repository.choose("llm=vllm")
    command = [sys.executable, "-m", "stages.commands.cli", "run", f"runtime.api_base={llm_server.api_base}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [*command, "runtime.concurrency=1"], cwd=repository.root, env={**os.environ, "PATH": path}
    )
    while not llm_server.calls:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 143
    time.sleep(2.5)
    asked = len(llm_server.calls)
    time.sleep(1.5)
    assert len(llm_server.calls) == asked
    assert asked < 12


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_dvc_lock_cut_off_by_a_kill_is_rewritten_without_a_request(repository: Repository, share: float) -> None:
    whole, before = repository.read("dvc.lock"), repository.data()
    cut = whole.index("- path:", int(len(whole) * share)) + len(
        "- pat"
    )  # cut inside a word, since DVC accepts some other cuts as complete
    repository.write("dvc.lock", whole[:cut])
    done = repository.seedling("run")
    assert done.returncode == 0, done.stderr
    assert "seedling: removed dvc.lock, which cannot be read, as after a kill; DVC writes it again" in done.stderr
    assert "new calls" not in done.stderr
    assert (repository.read("dvc.lock"), repository.data()) == (whole, before)


def test_an_unfinished_merge_is_left_to_the_user(repository: Repository) -> None:
    lock = repository.read("dvc.lock")
    conflict = lock.replace("stages:\n", "stages:\n<<<<<<< HEAD\n=======\n>>>>>>> other\n")
    repository.write("dvc.lock", conflict)
    done = repository.seedling("run")
    assert done.returncode == 1
    assert "removed" not in done.stderr
    assert repository.read("dvc.lock") == conflict


@pytest.mark.slow
@pytest.mark.parametrize("half", ["", '{"write": {"data/instr', '{"write": {"data": {}}}'])
def test_an_rwlock_cut_off_by_a_kill_blocks_no_run(repository: Repository, half: str) -> None:
    repository.write(".dvc/tmp/rwlock", half)
    done = repository.seedling("run", "analyze.shown_rejected=7")
    assert done.returncode == 0, done.stderr
    assert stages_run(done) == ["check", "analyze"]
    assert (
        "seedling: removed .dvc/tmp/rwlock, which cannot be read, as after a kill; DVC writes it again" in done.stderr
    )
    assert done.stderr.count("seedling: removed ") == 1
