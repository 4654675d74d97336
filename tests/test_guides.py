"""The guides can be followed: their commands run in order, and print what the guide shows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stages.contract.seeds import read_seeds
from stages.models.book.book import tasks
from tests.repository import ROOT, Repository

GUIDE = "docs/your-domain.md"
IDENTITY = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def blocks(guide: str) -> list[tuple[str, str]]:
    """Return (language, content) of each fenced block of a guide, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / guide).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def block(guide: str, language: str, holding: str = "") -> str:
    """Return the one fenced block of a language in a guide that holds a text."""
    [found] = [content for kind, content in blocks(guide) if kind == language and holding in content]
    return found


def follow(repository: Repository, lines: list[str]) -> str:
    """Run lines of a guide as they are typed, with this clone's `seedling`; return what they print on stdout."""
    printed = []
    for line in lines:
        typed = re.sub(r"^seedling ", "python -m stages.commands.cli ", line)
        done = repository.run("bash", "-c", typed, LC_ALL="C", **IDENTITY)
        assert done.returncode == 0, (line, done.stderr)
        printed.append(done.stdout)
    return "".join(printed)


def is_shown(shown: str, printed: str) -> bool:
    """Return whether each line of a block was printed, in the order shown; `…` stands for lines left out."""
    lines = iter([line.rstrip() for line in printed.splitlines()])
    return all(line.strip() == "…" or line in lines for line in shown.splitlines())


def test_the_seeds_of_the_guide_are_checked_as_it_shows(repository: Repository) -> None:
    follow(repository, block(GUIDE, "sh", "grep '^{").splitlines())
    assert repository.read("my_seeds.jsonl") == block(GUIDE, "jsonl")
    assert len(read_seeds(str(repository.root / "my_seeds.jsonl"))) == 8
    printed = follow(repository, ["seedling seeds check my_seeds.jsonl"])
    assert is_shown(block(GUIDE, "", "every line is well formed"), printed)


def test_the_guide_counts_the_tasks_of_the_book() -> None:
    text = " ".join((ROOT / GUIDE).read_text("utf-8").split())
    assert f"a book of {len(tasks())} tasks written by hand" in text


def test_the_table_of_prompt_lengths_is_what_its_command_prints() -> None:
    [command] = block("docs/prompts.md", "sh", "benchmarks.prompt_tokens").splitlines()
    done = Repository(ROOT).run(*command.split())
    assert done.returncode == 0, done.stderr
    assert done.stdout in (ROOT / "docs/prompts.md").read_text("utf-8")


@pytest.mark.slow
def test_the_guide_leads_from_seeds_to_a_clone_that_replays_without_a_request(
    repository: Repository, tmp_path: Path
) -> None:
    """Every command of the guide that needs no paid model, in order; then the last block in a clone of the result."""
    written = [content.splitlines() for language, content in blocks(GUIDE) if language == "sh"]
    needs_a_key = next(lines for lines in written if "llm=openai" in lines[-1])
    in_clone = next(lines for lines in written if lines[0] == "dvc pull")
    for lines in written:
        if lines in (needs_a_key, in_clone) or lines[0].startswith(". "):
            continue
        printed = follow(repository, lines)
        if "uniq -c" in lines[-1]:
            counts = [line for line in printed.splitlines() if '"reason"' in line]
            assert counts == block(GUIDE, "", "target_reached").splitlines()
        if "generate.focus" in lines[0]:
            focus = re.findall("text: '([^']+)'", lines[0])
            assert any(text in printed.partition("first prompt")[2] for text in focus)
    assert repository.changed() == []

    clone = Repository(tmp_path / "clone")
    repository.git("clone", "--quiet", str(repository.root), str(clone.root))
    pull, take_over, change = in_clone
    follow(clone, [pull])
    assert {path: text for path, text in clone.data().items() if path.startswith("data/")} == {
        path: text for path, text in repository.data().items() if path.startswith("data/")
    }
    follow(clone, [take_over])
    before = stored(clone)
    follow(clone, [change])
    forced = clone.dvc("repro", "--force")
    assert forced.returncode == 0, forced.stderr
    assert (stored(clone), "new calls" in forced.stderr) == (before, False)


def stored(repository: Repository) -> list[Any]:
    """Return every answer in the store of a repository."""
    done = repository.seedling("answers", "export", "answers.jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["answer"] for line in repository.read("answers.jsonl").splitlines()]
