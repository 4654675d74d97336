"""Overrides as people type them: texts with any character, texts that look like numbers, and stops with line ends."""

from typing import Any

import pytest
import yaml

from stages.choice.choose import Choice, amended
from stages.choice.typed import read_override
from stages.contract.dotted import as_typed
from stages.contract.errors import UserError

TEXTS = [
    "my   file.jsonl",
    "seeds (1).jsonl",
    "[draft].jsonl",
    "[draft]",
    "{a}.jsonl",
    "q&a.jsonl",
    "q's.jsonl",
    'say "x".jsonl',
    "#1 x #2.jsonl",
    "küche.jsonl",
    "数据.jsonl",
    "a=b.jsonl",
    "glob(1)",
    "a?b*;!.jsonl",
    "2024",
    "true",
]
REVISIONS = ["5e12345", "20240601", "0123456", "1_000", "1.10", "true", "0x1f", "inf", "+5", "1:30", "2024-05-01", ".5"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_path_is_read_exactly_as_typed(text: str) -> None:
    assert read_override(f"seeds.path={text}") == ("seeds.path", None, text)


@pytest.mark.parametrize("text", REVISIONS)
@pytest.mark.parametrize("key", ["llm.revision", "generate.llm.revision", "runtime.answers_dir"])
def test_a_text_key_reads_a_number_as_text(key: str, text: str) -> None:
    assert read_override(f"{key}={text}").value == text


@pytest.mark.parametrize("text", [*TEXTS, *REVISIONS, "null", "tasks from a baker's day", r"use \nabla here", ""])
def test_a_saved_text_is_read_back_unchanged_and_shown_as_it_can_be_typed(text: str) -> None:
    choice = Choice(values={"seeds": {"path": text}, "generate": {"domains": [text]}})
    assert yaml.safe_load(choice.text()) == choice.values
    shown = [f"seeds.path={as_typed(text)}", f"generate.domains=[{as_typed(text)}]"]
    assert amended(Choice(), shown).values == choice.values


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("seed=7", 7),
        ("generate.num_instructions=1e3", 1000.0),
        ("generate.top_p=null", None),
        ("runtime.answers_dir=null", None),
        ("llm.revision='5e1'", "5e1"),
        ("export.include_seeds=false", False),
        ("generate.domains=[küche]", ["küche"]),
        ("generate.domains=['food & drink', \"baker's\"]", ["food & drink", "baker's"]),
        ("generate.forbidden_words=[$5, c++]", ["$5", "c++"]),
        ("generate.focus=[{text: a baker's day, weight: 1}]", [{"text": "a baker's day", "weight": 1}]),
        (r"generate.focus=[{text: 'use \nabla', weight: 1}]", [{"text": r"use \nabla", "weight": 1}]),
        ("runtime.max_cost_usd=$5", "$5"),
        ('instantiate.stop=["\\n\\n"]', ["\n\n"]),
        (r"generate.stop=['\n16.', '\t']", ["\n16.", "\t"]),
        (r"classify.stop=[\n, Ende (1)]", ["\n", "Ende (1)"]),
        (r"classify.stop=['\\n']", [r"\n"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_have_the_type_they_look_like(typed: str, value: Any) -> None:
    found = read_override(typed).value
    assert (found, type(found)) == (value, type(value))


def test_a_group_for_one_stage_is_read_with_its_package() -> None:
    assert read_override("llm@classify.llm=ollama") == ("llm", "classify.llm", "ollama")
    assert read_override("llm@classify.llm=o(l") == ("llm", "classify.llm", "o(l")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("generate.domains=[küche", "close its brackets"),
        ("seeds.path=a,b.jsonl", "takes one value; write key=value; a text with a comma needs quotes"),
        ("seed=choice(1,2)", "takes one value"),
        ("~seed", "takes one value"),
        ("seed", "write key=value"),
        ("ü=1", "write key=value"),
        ("+seeds.path=q&a", "write key=value"),
    ],
)
def test_an_unreadable_override_gives_an_error_with_advice(typed: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        read_override(typed)
    assert str(error.value).startswith(repr(typed))
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["${", "a ${b", "${a.b"])
def test_an_unfinished_interpolation_gives_an_error(text: str) -> None:
    with pytest.raises(UserError, match=r"conf/choice\.yaml: .* begins a reference to another key"):
        Choice(values={"seeds": {"path": text}}).text()
