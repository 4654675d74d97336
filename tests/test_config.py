"""The config: its valid values, the errors for invalid ones, and the part that a stage sees."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.choice.compose import compose
from stages.choice.drift import differences
from stages.contract.config import Config
from stages.contract.dotted import as_typed
from stages.contract.errors import UserError
from stages.contract.params import RUNTIME_VARIABLE, current_config
from stages.contract.sections.base import Section
from stages.contract.sections.runtime import Runtime
from stages.contract.sections.seeds import Seeds
from stages.contract.sections.tokenizer import Tokenized
from stages.contract.validation import validate
from tests.repository import ROOT, Repository


def params(**changes: Any) -> dict[str, Any]:
    """Return the composed config with the values at dotted keys (`generate__top_p=2`) replaced."""
    content = Repository(ROOT).params()
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        node = content
        for parent in parents:
            node = node[parent]
        node[last] = value
    return content


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"generate__num_instructons": 3}, "generate.num_instructons: unknown key; did you mean 'num_instructions'?"),
        ({"lm": "openai"}, "lm: unknown key; did you mean 'llm'?"),
        ({"generate__top_p": 3.0}, "generate.top_p: Input should be less than or equal to 1, found 3.0"),
        ({"generate__temperature": float("nan")}, "generate.temperature: Input should be a finite number, found nan"),
        ({"generate__window": "abc"}, "generate.window: Input should be a valid integer, found 'abc'"),
        (
            {"llm__revision": 20240601},
            "llm.revision: Input should be a valid string, found 20240601; a text that YAML takes for something else "
            "needs quotes, as in '1e5' or 'true'",
        ),
        ({"llm__revision": None}, "llm.revision: Input should be a valid string, found null"),
        ({"seed": True}, "seed: Input should be a valid integer, found true"),
        ({"runtime__concurrency": 0}, "runtime.concurrency: Input should be greater than 0, found 0"),
        (
            {"generate__focus": [{"text": "x", "weihgt": 1.0}]},
            "generate.focus.0.weihgt: unknown key; did you mean 'weight'?",
        ),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0, found -1"),
        (
            {"generate__rouge_threshold": 1.5},
            "generate.rouge_threshold: Input should be less than or equal to 1, found 1.5",
        ),
        ({"generate__min_words": 151}, "generate.min_words 151 is above generate.max_words 150"),
        ({"export__formats": []}, "export.formats: List should have at least 1 item after validation, not 0, found []"),
        (
            {"classify__llm__mode": "completion"},
            "classify.llm.mode is 'completion' but prompts.mode is 'chat'; set classify.llm.mode=chat or "
            "choose prompts=completion",
        ),
        (
            {"generate__num_seed": 0, "generate__num_machine": 0},
            "generate.num_seed and generate.num_machine are both 0; a prompt must show something",
        ),
        (
            {"generate__llm__model": "openai/gpt-4.1"},
            "llm.model 'openai/gpt-4.1' does not belong to llm.provider 'offline'; choose the group that fits, or "
            "write the model as offline/NAME",
        ),
        (
            {"prompts__mode": "completion"},
            "generate.llm.mode is 'chat' but prompts.mode is 'completion'; set llm.mode=completion or "
            "choose prompts=chat",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_invalid_value_gives_a_one_line_error_with_key_value_and_advice(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        validate(Config, params(**changes))
    assert line in str(error.value).splitlines()


def test_all_errors_are_reported_at_once() -> None:
    with pytest.raises(UserError) as error:
        validate(Config, params(generate__top_p=3.0, classify__max_tokens=0, lm=1))
    assert len(str(error.value).splitlines()) == 3


def test_an_error_in_the_shared_model_is_reported_once() -> None:
    wrong = params()
    for section in (wrong, wrong["generate"], wrong["classify"], wrong["instantiate"]):
        section["llm"] = {**section["llm"], "reasoning_tokens": -1}
    with pytest.raises(UserError) as error:
        validate(Config, wrong)
    assert str(error.value) == "llm.reasoning_tokens: Input should be greater than or equal to 0, found -1"


def test_a_missing_key_is_reported_with_the_command_that_writes_it() -> None:
    wrong = params()
    del wrong["filter"]["drop_flags"]
    with pytest.raises(UserError) as error:
        validate(Config, wrong)
    assert str(error.value) == "filter.drop_flags: is missing; run `seedling run` to write params.yaml from conf/"


def test_min_words_may_equal_max_words() -> None:
    assert validate(Config, params(generate__min_words=150)).generate.min_words == 150


@pytest.mark.parametrize("value", ["https://user:sk-canary@host", "https://host/v1?key=sk-canary"])
@pytest.mark.parametrize("key", ["llm__api_key_env", "runtime__api_base"])
def test_an_error_never_repeats_a_secret_pasted_into_the_config(key: str, value: str) -> None:
    with pytest.raises(UserError) as error:
        validate(Config, params(**{key: value}))
    assert "canary" not in str(error.value)


class Sections(Section):
    """The config of a stage in these tests."""

    seeds: Seeds
    generate: Tokenized
    runtime: Runtime


KEYS = ["seeds", "generate.tokenizer", "runtime"]


def test_a_stage_receives_only_the_keys_it_declares() -> None:
    with contextlib.chdir(ROOT):
        read = current_config(Sections, KEYS)
        assert read.generate.model_dump() == {"tokenizer": "rouge"}
        with pytest.raises(UserError, match=r"^seeds: is missing"):
            current_config(Sections, KEYS[1:])
        with pytest.raises(UserError, match=r"^generate\.num_seed: unknown key"):
            current_config(Sections, [*KEYS, "generate.num_seed"])


def test_a_key_absent_from_params_yaml_is_missing_and_not_null(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seeds: {path: x}\ngenerate: 3\n", "utf-8")
    with contextlib.chdir(tmp_path), pytest.raises(UserError) as error:
        current_config(Sections, KEYS)
    assert "generate: is missing; run `seedling run` to write params.yaml from conf/" in str(error.value).splitlines()


def test_the_environment_variable_overrides_runtime_for_every_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, '{"workers": 7}')
    monkeypatch.chdir(ROOT)
    assert current_config(Sections, KEYS).runtime.workers == 7
    assert current_config(Config).runtime.workers == 7
    monkeypatch.setenv(RUNTIME_VARIABLE, '{"wokers": 7}')
    with pytest.raises(UserError, match=r"runtime\.wokers: unknown key; did you mean 'workers'\?"):
        current_config(Config)


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        (None, "null"),
        (True, "true"),
        (0.5, "0.5"),
        ("openai/gpt-4.1", "openai/gpt-4.1"),
        ("a text", "'a text'"),
        ("", "''"),
        (["a", None], "[a, null]"),
        ({"text": "x", "weight": 1.0}, "{text: x, weight: 1.0}"),
    ],
    ids=str,
)
def test_a_value_is_shown_as_a_user_types_it(value: object, typed: str) -> None:
    assert as_typed(value) == typed


@pytest.mark.parametrize("stage", ["generate", "classify", "instantiate"])
def test_a_model_set_for_one_stage_leaves_the_other_stages_unchanged(stage: str) -> None:
    overrides = [f"llm@{stage}.llm=ollama", f"{stage}.temperature=0.5"]
    composed = validate(Config, yaml.safe_load(compose(ROOT / "conf", overrides)))
    sections = {"generate": composed.generate, "classify": composed.classify, "instantiate": composed.instantiate}
    assert [name for name, section in sections.items() if section.llm.provider != "offline"] == [stage]
    assert sections[stage].llm.provider == "ollama_chat"
    assert composed.llm.provider == "offline"


def test_a_model_set_for_all_stages_reaches_every_stage() -> None:
    composed = validate(Config, yaml.safe_load(compose(ROOT / "conf", ["llm=openai", "llm.model=openai/X"])))
    assert {section.llm.model for section in (composed.generate, composed.classify, composed.instantiate)} == {
        "openai/X"
    }


def test_differences_name_each_key_with_both_values() -> None:
    lines = list(differences({"a": {"b": 1, "c": True}, "d": 1}, {"a": {"b": 2, "c": True}, "e": 1}))
    assert lines == [
        "a.b: conf/ composes 1, params.yaml holds 2",
        "d: conf/ composes 1, params.yaml holds null",
        "e: conf/ composes null, params.yaml holds 1",
    ]


def test_the_config_cannot_read_environment_variables() -> None:
    with pytest.raises(UserError, match=r"oc\.env"):
        compose(Path(ROOT / "conf"), ["llm.endpoint=${oc.env:HOME}"])
