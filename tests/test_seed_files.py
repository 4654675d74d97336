"""Seed files as people write them: which are read, and which are refused with which message."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.contract.errors import UserError
from stages.contract.seeds import read_seeds
from stages.draw.seeds import check_seeds, doubt_about
from tests.llm_server import LlmServer, configure
from tests.records import seed
from tests.repository import Repository


def line(name: str = "own-1", **changes: Any) -> dict[str, Any]:
    instances = [{"input": "", "output": "the Indus"}]
    return {"id": name, "instruction": f"Name {name}.", "instances": instances, "is_classification": False, **changes}


TWO = [line("own-1"), line("own-2")]
READ: dict[str, str] = {
    "an array on one line": json.dumps(TWO),
    "an array over many lines": json.dumps(TWO, indent=2),
    "an array after an empty line": "\n\n" + json.dumps(TWO, indent="\t"),
    "an array with a byte order mark and Windows line ends": "\ufeff" + json.dumps(TWO, indent=1).replace("\n", "\r\n"),
    "lines": "\n".join(map(json.dumps, TWO)),
    "lines of Windows with empty ones": "\r\n\r\n".join(map(json.dumps, TWO)) + "\r\n \r\n",
    "two files with a byte order mark each, put together": "".join(f"\ufeff{json.dumps(row)}\n" for row in TWO),
    "fields of the published file": "\n".join(json.dumps({**row, "name": "river"}) for row in TWO),
}


def read(folder: Path, content: str) -> list[str]:
    (folder / "own.jsonl").write_text(content, "utf-8", newline="")
    return [task.id for task in read_seeds(str(folder / "own.jsonl"))]


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_a_seed_file_is_read_in_every_common_form(content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content) == ["own-1", "own-2"]


def test_text_inside_a_json_array_stays_unchanged(tmp_path: Path) -> None:
    text = "Sort [b, a], then\n  write: {x}, ]  \u2028 end"
    (tmp_path / "own.json").write_text(json.dumps([line(instruction=text)], indent=1, ensure_ascii=False), "utf-8")
    assert [task.instruction for task in read_seeds(str(tmp_path / "own.json"))] == [text]


ALPACA = {"instruction": "Name three rivers.", "input": "", "output": "Indus"}
REFUSED: dict[str, tuple[str, str]] = {
    "no text in an output": (
        json.dumps(line(instances=[{"input": "", "output": ""}])),
        ":1: instances.0.output: is empty",
    ),
    "blanks in the second output": (
        "\n" + json.dumps(line(instances=[{"input": "", "output": "a"}, {"input": "b", "output": " \n"}])),
        ":2: instances.1.output: is empty",
    ),
    "no text in an instruction": (json.dumps(line(instruction="")), ":1: instruction: is empty"),
    "an Alpaca row": (
        json.dumps(ALPACA),
        ":1: id, instances, is_classification: Field required; a task is one line such",
    ),
    "an Alpaca file": (
        json.dumps([ALPACA]),
        ":1: id, instances, is_classification: Field required; a task is one line",
    ),
    "an object that holds the list": (
        json.dumps({"tasks": TWO}),
        ":1: id, instruction, instances, is_classification: ",
    ),
    "an object over many lines": (json.dumps(TWO[0], indent=1), ":1: the line: Invalid JSON: "),
    "a fault in the second task of an array": (
        json.dumps([TWO[0], {**TWO[1], "is_classification": "no"}], indent=1),
        ":13: is_classification: ",
    ),
    "an array that ends too early": ("[\n" + json.dumps(TWO[0]) + ",\n", ":2: the array: Invalid JSON: "),
    "an array in an array": (json.dumps([TWO]), ":1: the line: "),
    "an empty array": ("[]", ": holds no seed task; one is enough to begin"),
    "an array of two with one id": (json.dumps([TWO[0], TWO[0]]), ": id: 'own-1' occurs more than once"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_an_error_is_reported_with_its_location(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read(tmp_path, content)
    assert str(error.value).startswith(f"{tmp_path}/own.jsonl{message}")
    assert "\n" not in str(error.value)


def check(*texts: str, tokenizer: str = "rouge") -> None:
    check_seeds(
        [seed(f"s{n}", text) for n, text in enumerate(texts)],
        "own",
        configure(generate={"tokenizer": tokenizer}).generate,
    )


UNSEEN = [
    "写一首关于秋天的短诗。",
    "写5首诗",
    "用 Python 写一个函数",
    "Напиши стихотворение",
    "秋についての詩",
    "가을에 대한 시를 써라",
]
SEEN = [
    "Übersetze die Größe der Tür.",
    "Viết một bài thơ về mùa thu",
    "What is the value of π?",
    "Define café.",
    "2 + 2 = ?",
    "Say 你好 to a friend.",
]


@pytest.mark.parametrize("text", UNSEEN)
def test_a_seed_without_a_token_of_the_tokenizer_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"generate\.tokenizer=rouge .* 1 of 2 seeds, such as 's1'.*tokenizer=unicode"):
        check("Name a river.", text)
    check("Name a river.", text, tokenizer="unicode")


@pytest.mark.parametrize("text", SEEN)
def test_a_seed_with_tokens_for_most_of_its_words_is_accepted(text: str) -> None:
    check("Name a river.", text)


def test_seeds_that_share_one_instruction_are_refused_and_a_single_seed_is_accepted() -> None:
    check("Name a river.")
    check("Name a river.", "name a River!", "Why is the sky blue?")
    with pytest.raises(UserError, match="all 3 seeds have the same instruction"):
        check("Name a river.", "name a River!", "Name a river")


def test_only_seeds_that_are_all_near_duplicates_cause_a_warning() -> None:
    def doubt(*texts: str) -> str:
        return doubt_about([seed(f"s{n}", text) for n, text in enumerate(texts)], configure().generate)

    alike = [f"Name {count} large rivers of Europe." for count in ("three", "four", "five")]
    assert doubt(*alike).startswith("all 3 seeds are alike (ROUGE-L above 0.7)")
    assert doubt(*alike, "Why is the sky blue?") == ""
    assert doubt(alike[0]) == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(line(instruction=UNSEEN[0]), ensure_ascii=False), "generate.tokenizer=unicode"),
        (json.dumps(line(instances=[{"input": "", "output": ""}])), "instances.0.output: is empty"),
    ],
    ids=["script", "output"],
)
def test_an_error_in_the_seeds_stops_the_run_before_the_first_request(
    repository: Repository, llm_server: LlmServer, content: str, message: str
) -> None:
    repository.write("own.jsonl", content)
    repository.choose("llm=vllm", "seeds.path=own.jsonl")
    done = repository.stage("generate", SEEDLING_RUNTIME=json.dumps({"api_base": llm_server.api_base}))
    assert (done.returncode, len(done.stderr.splitlines()), llm_server.calls) == (2, 1, [])
    assert message in done.stderr
