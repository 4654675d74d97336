"""The stage `check`: no later stage runs with a params.yaml that differs from conf/."""

import subprocess

import pytest

from tests.repository import Repository, stages_run


@pytest.mark.slow
def test_an_edit_of_conf_alone_is_refused_with_the_key_both_values_and_the_command(repository: Repository) -> None:
    repository.replace("conf/filter/default.yaml", "max_instances_per_task: 5", "max_instances_per_task: 1")
    done = repository.dvc("repro")
    assert done.returncode == 255
    assert "check: filter.max_instances_per_task: conf/ composes 1, params.yaml holds 5" in done.stderr
    assert "check: params.yaml: is not what conf/ composes to; run `seedling run`" in done.stderr
    assert stages_run(done) == ["check"]
    assert repository.changed() == ["conf/filter/default.yaml"]


def test_a_hand_edited_params_yaml_is_refused(repository: Repository) -> None:
    repository.replace("params.yaml", "num_instructions: 12", "num_instructions: 15")
    done = repository.dvc("repro")
    assert done.returncode == 255
    assert "check: generate.num_instructions: conf/ composes 12, params.yaml holds 15" in done.stderr
    assert repository.changed() == ["params.yaml"]


def test_a_typo_in_params_yaml_is_reported_with_the_intended_key(repository: Repository) -> None:
    repository.replace("params.yaml", "drop_flags:", "drop_flag:")
    done = repository.stage("check")
    assert done.returncode == 2
    assert "check: filter.drop_flag: unknown key; did you mean 'drop_flags'?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_edit_of_runtime_in_conf_reruns_check_alone(repository: Repository) -> None:
    repository.replace("conf/config.yaml", "concurrency: 64", "concurrency: 3")
    refused = repository.dvc("repro")
    assert "check: runtime.concurrency: conf/ composes 3, params.yaml holds 64" in refused.stderr
    done = repository.seedling("run")
    assert done.returncode == 0, done.stderr
    assert stages_run(done) == ["check"]


@pytest.mark.slow
def test_an_experiment_is_refused_if_the_choice_overrides_one_of_its_keys(repository: Repository) -> None:
    repository.choose("generate.num_instructions=13")
    repository.commit()
    done = repository.dvc("exp", "run", "-S", "experiment=smoke")
    assert done.returncode != 0
    assert "conf/choice.yaml: hides generate.num_instructions of experiment=smoke" in done.stderr


@pytest.mark.slow
def test_a_value_may_be_chosen_on_top_of_an_experiment(repository: Repository) -> None:
    repository.choose("experiment=smoke", "generate.num_instructions=13", "export.validation_fraction=0.5")
    done = repository.stage("check", DVC_EXP_NAME="any")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_choice_may_set_the_same_value_as_an_experiment(repository: Repository) -> None:
    repository.choose("generate.num_instructions=12")
    repository.replace("params.yaml", "experiment: null", "experiment: smoke")
    done = repository.stage("check", DVC_EXP_NAME="any")
    assert done.returncode == 0, done.stderr


def test_an_experiment_is_refused_if_the_choice_overrides_one_of_its_groups(repository: Repository) -> None:
    repository.choose("prompts=chat")
    repository.replace("params.yaml", "experiment: null", "experiment: paper")
    done = repository.stage("check", DVC_EXP_NAME="any")
    assert done.returncode == 2
    assert "conf/choice.yaml: hides override /prompts of experiment=paper" in done.stderr


@pytest.mark.slow
def test_a_dvc_experiment_builds_on_the_choice(repository: Repository) -> None:
    repository.choose("analyze.shown_rejected=7")
    repository.commit()
    done = repository.dvc("exp", "run", "-S", "export.validation_fraction=0.5")
    assert done.returncode == 0, done.stderr
    assert stages_run(done) == ["check", "analyze", "export"]
    assert repository.params()["analyze"]["shown_rejected"] == 7
    assert repository.params()["export"]["validation_fraction"] == 0.5


@pytest.mark.slow
def test_environment_variables_never_reach_a_git_object(repository: Repository) -> None:
    canary = "canary-5f1c2e"
    for override in ("llm.endpoint=${oc.env:CANARY}", "llm.model=offline/${oc.env:CANARY}"):
        queued = repository.dvc("exp", "run", "--queue", "-S", override, CANARY=canary)
        assert queued.returncode != 0
        run = repository.seedling("run", override, CANARY=canary)
        assert run.returncode == 2
        assert "oc.env" in run.stderr
    listing = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    objects = subprocess.run(listing, cwd=repository.root, capture_output=True, check=True).stdout
    assert b"num_instructions" in objects
    assert canary.encode() not in objects
    assert not [path for path in repository.root.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
