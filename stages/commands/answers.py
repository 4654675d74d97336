"""`seedling answers`: show what the store holds, export and import answers, and delete old ones."""

import argparse
import json
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from stages.contract.config import Config
from stages.contract.errors import UserError
from stages.contract.jsonl import numbered_lines, parse_record, read_records, write_records
from stages.contract.params import current_config
from stages.contract.records import Answer
from stages.llm.budget import last_commands, money
from stages.store.answers import AnswerStore, StoredAnswer
from stages.store.database import answers_folder
from stages.store.request import canonical, key_of

_KEY = re.compile(r"[0-9a-f]{64}")
_SHOWN_COMMANDS = 5
_DAY_SECONDS = 24 * 60 * 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions with their arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("stats", help="answers, tokens and costs by model, and what the last commands spent")
    # a path is relative to where it is typed, but commands run at the root of the repository
    exporting = actions.add_parser("export", help="write every stored answer to a JSON Lines file")
    exporting.add_argument("file", type=os.path.abspath)
    importing = actions.add_parser("import", help="add the answers of exported stores or of data/answers/*.jsonl")
    importing.add_argument("files", nargs="+", type=os.path.abspath, metavar="file")
    pruning = actions.add_parser("prune", help="delete old answers that the dataset in data/ does not use")
    pruning.add_argument("--older-than", type=float, required=True, metavar="DAYS")
    pruning.add_argument("--yes", action="store_true", help="delete them; without it they are only counted")


def main(options: argparse.Namespace) -> int:
    """Run the action named; return the exit code."""
    if options.action == "export":
        return export(options.file)
    if options.action == "import":
        return take_over(options.files)
    if options.action == "prune":
        return prune(options.older_than, yes=options.yes)
    return stats()


def stats() -> int:
    """Print the answers, tokens and costs by model, and what the last commands spent; return 0."""
    with closing(AnswerStore(_folder())) as store:
        print(f"{store.database.path}, {store.database.path.stat().st_size:,} bytes\n")
        print("\n".join(_table(sorted((line.answer for line in store.all()), key=lambda answer: answer.model))))
        print("\n".join(_spending(last_commands(store.database, _SHOWN_COMMANDS))))
    return 0


def export(path: str) -> int:
    """Write every stored answer to a JSON Lines file, ordered by key so that equal stores give equal files."""
    with closing(AnswerStore(_folder())) as store:
        write_records(path, store.all())
        print(f"{store.count():,} answers -> {path}")
    return 0


def take_over(paths: Sequence[str]) -> int:
    """Add the answers of exported stores or of transcripts (data/answers/*.jsonl); a stored answer stays as it is.

    Raises:
        UserError: a line is not an answer, or its key is not that of its request; nothing is added then.
    """
    found = {path: list(_read(path)) for path in paths}
    with closing(AnswerStore(_folder())) as store:
        for path, lines in found.items():
            added = sum(store.add(line) for line in lines)
            differing = sum(store.get(line.answer.key) != line.answer for line in lines)
            unlike = f", of which {differing:,} differ: those in the store stay" if differing else ""
            print(f"{path}: {added:,} answers added, {len(lines) - added:,} were there{unlike}")
    return 0


def prune(days: float, *, yes: bool) -> int:
    """Delete answers older than so many days that the dataset in data/ does not use; without `yes`, only count them."""
    in_use = {answer.key for path in Path("data/answers").glob("*.jsonl") for answer in read_records(path, Answer)}
    before = time.time() - days * _DAY_SECONDS
    with closing(AnswerStore(_folder())) as store:
        old = [line.answer for line in store.all() if line.stored < before]
        unused = [answer for answer in old if answer.key not in in_use]
        kept = f"{len(old) - len(unused):,} older ones stay, since data/ uses them"
        what = f"{len(unused):,} answers that cost {_usd([answer.cost_usd for answer in unused])} USD"
        if yes:
            store.delete([answer.key for answer in unused])
            print(f"deleted {what}; {kept}")
        else:
            print(f"would delete {what}; {kept}; to do it, add --yes")
    return 0


def _folder() -> Path:
    return answers_folder(current_config(Config).runtime)


def _read(path: str) -> Iterator[StoredAnswer]:
    for number, line in numbered_lines(path):
        if line.strip():
            yield _stored_answer(line, f"{path}:{number}")


def _stored_answer(line: str, where: str) -> StoredAnswer:
    try:
        exported = "answer" in json.loads(line)
    except (ValueError, TypeError):
        raise UserError(f"{where}: is not JSON; correct this line") from None
    if exported:
        stored = parse_record(line, StoredAnswer, where)
    else:
        stored = StoredAnswer(request=None, answer=parse_record(line, Answer, where), stored=int(time.time()))
    if not _KEY.fullmatch(stored.answer.key):
        raise UserError(f"{where}: key: {stored.answer.key!r} is not a key of 64 hex digits; correct this line")
    if stored.request is not None and key_of(canonical(stored.request)) != stored.answer.key:
        raise UserError(f"{where}: key: is not that of the request beside it; export the store again")
    return stored


def _table(answers: Sequence[Answer]) -> Iterator[str]:
    yield f"{'model':<40}{'answers':>10}{'tokens in':>14}{'tokens out':>14}{'USD':>12}"
    for model, group in groupby(answers, key=lambda answer: answer.model):
        rows = list(group)
        asked, said = (sum(getattr(row, f"{kind}_tokens") for row in rows) for kind in ("prompt", "completion"))
        yield f"{model:<40}{len(rows):>10,}{asked:>14,}{said:>14,}{_usd([row.cost_usd for row in rows]):>12}"


def _spending(commands: Sequence[tuple[int, float, float]]) -> Iterator[str]:
    for began, spent, unsettled in commands:
        when = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d %H:%M UTC")
        cut_off = f", {money(unsettled)} USD reserved for attempts in flight or cut off" if unsettled else ""
        yield f"command of {when}: {money(spent)} USD spent{cut_off}"


def _usd(costs: Sequence[float | None]) -> str:
    """Return the sum of costs, with `>=` in front if one is not known."""
    known = math.fsum(cost for cost in costs if cost is not None)
    return f"{'>= ' if None in costs else ''}{money(known)}"
