"""The built-in book: its tasks are right and no near-duplicates, and its model replies in the requested form."""

import contextlib
import csv
import datetime
import fractions
import gzip
import io
import itertools
import json
import math
import re
import shutil
import sqlite3
import statistics
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stages.contract.records import SeedTask
from stages.contract.seeds import read_seeds
from stages.filter import instances_of
from stages.models.book.book import domain_of, find, tasks
from stages.models.book.faults import PHRASES, RATES
from stages.models.book.reply import Reply, reply
from stages.models.book.request import read_request
from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import unicode_tokens
from stages.rules.candidates import candidate_rules
from stages.rules.flags import FLAGS
from stages.rules.instances import RULES
from stages.rules.table import broken
from stages.text.instances import parse_instances
from stages.text.instructions import parse_instructions
from stages.text.prompts import load_prompt
from stages.text.verdicts import parse_verdict
from tests.llm_server import configure
from tests.records import instance, task
from tests.repository import ROOT, SHARED, Repository

BOOK = tasks()
BY_ID = {entry.id: entry for entry in BOOK}
CHECKS: dict[str, list[tuple[str, str]]] = json.loads((ROOT / "tests/book_answers.json").read_text("utf-8"))
SEEDS = read_seeds(str(ROOT / "seeds/seed_tasks.jsonl"))
ENGLISH = re.compile(r"\b(the|a|an|is|are|my|our|i|what|how|to|of|in|for|with|write|which|and|from)\b", re.IGNORECASE)

# The tasks


def test_the_book_covers_the_domains_of_the_seeds_evenly() -> None:
    counts = Counter(entry.domain for entry in BOOK)
    assert len(BOOK) >= 400
    assert counts.keys() == {seed.domain for seed in SEEDS}
    assert min(counts.values()) >= 14


def test_the_book_mixes_lengths_kinds_and_languages() -> None:
    without_input = sum(not any(row.input for row in entry.instances) for entry in BOOK)
    words = [len(row.output.split()) for entry in BOOK for row in entry.instances]
    assert 0.4 <= without_input / len(BOOK) <= 0.6
    assert 0.15 <= sum(entry.is_classification for entry in BOOK) / len(BOOK) <= 0.3
    assert min(words) == 1
    assert 150 <= max(words) <= 250
    in_other_languages = [entry for entry in BOOK if len(ENGLISH.findall(entry.instruction)) < 2]
    assert len(in_other_languages) >= 20


@pytest.mark.parametrize("entry", BOOK, ids=lambda entry: entry.id)
def test_a_task_is_well_formed_and_keeps_every_rule(entry: SeedTask) -> None:
    labels = [row.output for row in entry.instances]
    assert re.fullmatch(r"book-[a-z0-9-]+", entry.id)
    assert entry.instruction == " ".join(entry.instruction.split())
    assert len(entry.instruction.split()) <= 60
    assert 1 <= len(labels) <= 3
    assert len(set(labels)) == len(labels) >= (2 if entry.is_classification else 1)
    assert not list(broken(candidate_rules(configure().generate), entry.instruction))
    for row in entry.instances:
        kept = instance(**dict(row), instruction=entry.instruction, is_classification=entry.is_classification)
        assert row.output == row.output.strip()
        assert not [*broken(RULES, kept), *broken(FLAGS, kept)]


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(BOOK)


def test_no_two_tasks_of_the_book_and_the_seeds_are_near_duplicates() -> None:
    pool = NoveltyPool(0.6, unicode_tokens)
    verdicts = pool.admit([entry.instruction for entry in (*SEEDS, *BOOK)])
    assert [entry.id for entry, verdict in zip((*SEEDS, *BOOK), verdicts, strict=True) if not verdict.accepted] == []


@pytest.mark.slow
def test_no_task_of_the_book_is_a_near_duplicate_of_a_published_one() -> None:
    files = ["upstream_seed_tasks.jsonl", "user_oriented_instructions.jsonl", "alpaca_52k_instructions.jsonl.gz"]
    if not all((SHARED / "data" / name).exists() for name in files):
        pytest.skip("../shared is not beside this repository")
    pool = NoveltyPool(0.6, unicode_tokens)
    for name in files:
        path = SHARED / "data" / name
        with gzip.open(path, "rt", encoding="utf-8") if name.endswith("gz") else path.open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        pool.add([row["instruction"] if isinstance(row, dict) else row for row in rows])
    verdicts = pool.compare([entry.instruction for entry in BOOK])
    assert [entry.id for entry, verdict in zip(BOOK, verdicts, strict=True) if not verdict.accepted] == []


# Computed results


def run(code: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102  code of our own book
    return space


def rows(setup: str, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(setup)
        return connection.execute(query).fetchall()


def shell(*command: str, stdin: str = "") -> str:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()


SCOPE = {
    **{module.__name__: module for module in (math, re, json, csv, io, datetime, statistics, itertools, fractions)},
    "Counter": Counter,
    "Path": Path,
    "run": run,
    "rows": rows,
    "node": lambda code: shell("node", "-e", code),
    "bash": lambda code, stdin="": shell("bash", "-c", code, stdin=stdin),
}


@pytest.mark.parametrize("name", CHECKS)
def test_computed_results_in_the_outputs_are_right(name: str, tmp_path: Path) -> None:
    outputs = [row.output for row in BY_ID[name].instances]
    inputs = [row.input for row in BY_ID[name].instances]
    for expression, shown in CHECKS[name]:
        with contextlib.chdir(tmp_path):
            found = eval(expression, {**SCOPE, "outputs": outputs, "inputs": inputs})  # noqa: S307
        assert str(found) == shown, expression
        assert "outputs" in expression or any(shown in output for output in outputs), expression


# The model


@cache
def template(mode: str, name: str) -> Callable[..., str]:
    variables = {"generate": {"instructions", "count", "focus"}, "classify": {"instruction"}}
    return load_prompt(str(ROOT / f"prompts/{mode}/{name}.j2"), variables.get(name, {"instruction", "count"}))


def generate(mode: str, shown: Sequence[str], seed: int = 0, focus: str = "", count: int = 10) -> Reply:
    return reply(template(mode, "generate")(instructions=shown, count=count, focus=focus), seed=seed, max_tokens=2048)


def tasks_in_reply(mode: str, shown: Sequence[str], **asked: Any) -> list[str]:
    said = generate(mode, shown, **asked)
    truncated = said.finish_reason == "length"
    return parse_instructions(said.text, truncated=truncated, continues=mode == "completion").complete


SHOWN = [seed.instruction for seed in SEEDS[:8]]
MODES = pytest.mark.parametrize("mode", ["chat", "completion"])


@MODES
def test_it_replies_with_tasks_of_the_book_in_the_requested_form(mode: str) -> None:
    found = [text for seed in range(60) for text in tasks_in_reply(mode, SHOWN, seed=seed)]
    known = [text for text in found if find(text)]
    assert len(known) / len(found) > 0.75
    assert len({*known}) > 250  # as many as a uniform draw gives


def test_a_reply_depends_on_the_request_and_the_seed() -> None:
    assert generate("chat", SHOWN) == generate("chat", SHOWN)
    assert generate("chat", SHOWN).text != generate("chat", SHOWN, seed=1).text


@MODES
def test_it_replies_with_the_requested_number_of_tasks(mode: str) -> None:
    counts = [len(tasks_in_reply("chat", SHOWN, seed=seed, count=4)) for seed in range(20)]
    assert statistics.mode(counts) == 4
    assert statistics.mode(len(tasks_in_reply(mode, SHOWN, seed=seed)) for seed in range(20)) == 10


def test_it_rarely_repeats_a_task_shown_in_the_prompt() -> None:
    shown = [entry.instruction for entry in BOOK[:8]]
    found = Counter(text for seed in range(100) for text in tasks_in_reply("chat", shown, seed=seed))
    assert sum(found[text] for text in shown) / found.total() < 2 * RATES["copy"]


def test_it_replies_with_classification_tasks_only_when_the_prompt_asks_for_them() -> None:
    render = load_prompt(str(ROOT / "prompts/chat/generate_classification.j2"), {"instructions", "count", "focus"})
    said = reply(render(instructions=SHOWN, count=20, focus=""), max_tokens=2048).text
    known = [
        entry for text in parse_instructions(said, truncated=False, continues=False).complete if (entry := find(text))
    ]
    assert known
    assert all(entry.is_classification for entry in known)


@MODES
@pytest.mark.parametrize("focus", ["tasks about cooking for guests", "functions in Python and SQL code"])
def test_a_focus_raises_the_share_of_tasks_of_its_domain(mode: str, focus: str) -> None:
    domain = focus.split()[2] if "about" in focus else "code"
    known = [
        entry
        for seed in range(20)
        for text in tasks_in_reply(mode, SHOWN, seed=seed, focus=focus)
        if (entry := find(text))
    ]
    assert sum(entry.domain == domain for entry in known) / len(known) > 0.5


def test_in_context_examples_of_one_domain_raise_its_share() -> None:
    shown = [seed.instruction for seed in SEEDS if seed.domain == "cooking"]
    known = [entry for seed in range(20) for text in tasks_in_reply("chat", shown, seed=seed) if (entry := find(text))]
    assert sum(entry.domain == "cooking" for entry in known) / len(known) > 0.15  # a uniform draw gives 0.04


def test_the_domain_is_recognised_from_several_seeds() -> None:
    domains = sorted({seed.domain for seed in SEEDS})
    shown = {domain: " ".join(seed.instruction for seed in SEEDS if seed.domain == domain) for domain in domains}
    assert sum(domain_of(text) == domain for domain, text in shown.items()) / len(domains) > 0.6


@MODES
def test_it_gives_the_verdict_of_the_book(mode: str) -> None:
    verdicts = [
        (entry.is_classification, parse_verdict(reply(template(mode, "classify")(instruction=entry.instruction)).text))
        for entry in BOOK
    ]
    assert sum(verdict is None for _, verdict in verdicts) / len(verdicts) < 0.06
    assert all(verdict in (None, known) for known, verdict in verdicts)


@MODES
def test_it_gives_the_instances_of_the_book(mode: str) -> None:
    right = 0
    for entry in BOOK:
        render = template(mode, "output_first" if entry.is_classification else "input_first")
        said = reply(render(instruction=entry.instruction, count=3), stop=["Task:"] if mode == "completion" else [])
        answered = task(
            said.text,
            instruction=entry.instruction,
            is_classification=entry.is_classification,
            finish_reason=said.finish_reason,
        )
        found = [(row.input, row.output) for row, cut_off in instances_of(answered) if not cut_off]
        right += found == [(row.input, row.output) for row in entry.instances]
    assert right / len(BOOK) > 0.8


@MODES
def test_an_unknown_task_gets_no_verdict(mode: str) -> None:
    said = reply(template(mode, "classify")(instruction="Name three rivers of Europe."))
    assert said.text == "I do not know this task."
    assert parse_verdict(said.text) is None


def test_a_prompt_of_another_kind_gets_an_honest_answer() -> None:
    assert reply("What is the capital of France?").text in PHRASES["prose"]
    assert reply("").text in PHRASES["prose"]


@pytest.mark.slow
def test_every_deliberate_fault_occurs_about_as_often_as_stated() -> None:
    replies = [generate("chat", SHOWN, seed=seed).text for seed in range(1500)]
    counts = {
        "no_task": sum(text in PHRASES["no_task"] for text in replies),
        "thinking": sum("<think>" in text for text in replies),
        "preamble": sum(any(phrase in text for phrase in PHRASES["preamble"]) for text in replies),
        "own_numbers": sum("**1.**" in text for text in replies),
    }
    for fault, count in counts.items():
        assert RATES[fault] * 0.5 < count / len(replies) < RATES[fault] * 1.6, fault


def test_contradictory_labels_share_an_input() -> None:
    [entry, *_] = [entry for entry in BOOK if entry.is_classification and len(entry.instances) == 3]
    prompt = template("chat", "output_first")(instruction=entry.instruction, count=3)
    found = [parse_instances(reply(prompt, seed=seed).text, output_first=True, truncated=False) for seed in range(300)]
    inputs = [[row.input for row in parsed if row.output and row.input] for parsed in found]
    assert 0 < sum(len(set(given)) < len(given) for given in inputs) < 60


def test_a_token_limit_cuts_the_reply_and_a_stop_sequence_ends_it() -> None:
    whole = generate("chat", SHOWN).text
    prompt = template("chat", "generate")(instructions=SHOWN, count=10, focus="")
    cut = reply(prompt, max_tokens=12)
    assert (cut.finish_reason, len(cut.text.split())) == ("length", 9)
    assert whole.startswith(cut.text)
    stopped = reply(prompt, stop=["</task>"])
    assert (stopped.finish_reason, stopped.text) == ("stop", whole.partition("</task>")[0])


def test_the_requested_form_is_read_from_the_prompt_alone() -> None:
    asked = read_request(template("completion", "generate")(instructions=SHOWN, count=10, focus="about rivers"))
    assert (asked.kind, asked.tagged, asked.first_number, asked.focus) == ("tasks", False, 9, "about rivers")
    assert asked.shown == tuple(SHOWN)


def test_a_run_with_the_book_imports_no_litellm(repository: Repository) -> None:
    shutil.rmtree(repository.root / ".dvc/cache/answers")
    for name in ("generate", "classify", "instantiate"):
        done = repository.run("python", "-X", "importtime", "-m", "stages", name)
        assert done.returncode == 0
        assert "stages.models.book.reply" in done.stderr
        assert "litellm" not in done.stderr


@pytest.mark.slow
def test_a_target_above_the_size_of_the_book_ends_with_a_one_line_explanation(repository: Repository) -> None:
    done = repository.seedling("run", "generate.num_instructions=2000")
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("generate: stopped at ")]
    assert "The built-in model knows only a few hundred tasks; for more choose a real one: " in line
