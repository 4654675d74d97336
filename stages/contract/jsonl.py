"""JSON Lines in, JSON Lines out: UTF-8, one record a line, written whole or not at all."""

import errno
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stages.contract.errors import SeedlingError, UserError
from stages.contract.records import SeedTask

Record = TypeVar("Record", bound=BaseModel)


def read_records(path: str | Path, record: type[Record]) -> list[Record]:
    """Return the records of a JSON Lines file in its order; empty lines are skipped.

    Raises:
        UserError: the file cannot be read, or a line is not such a record (names file, line and field).
    """
    return [parse_record(line, record, f"{path}:{number}") for number, line in numbered_lines(path) if line.strip()]


def parse_record(line: str, record: type[Record], where: str) -> Record:
    """Return the record one line of JSON holds.

    Raises:
        UserError: names `where`, the first faulty field and what was found there.
    """
    try:
        return record.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the line"
        found = "" if fault["type"] == "missing" else f", found {str(fault['input'])[:60]!r}"
        message = fault["msg"].replace(" at line 1 column", " at column")
        raise UserError(f"{where}: {field}: {message}{found}; correct this line") from None


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield each line of a UTF-8 file with its number, from 1.

    Raises:
        UserError: the file cannot be read or is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            yield from enumerate(file, 1)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; correct the path or create the file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def write_records(path: str | Path, records: Iterable[BaseModel]) -> None:
    """Write records to a file that appears complete or stays as it was; no record is one blank line.

    DVC would warn of an empty file at every run.
    """
    with writing(path) as target, open(target, "w", encoding="utf-8") as file:
        file.writelines(record.model_dump_json() + "\n" for record in records)
        if not file.tell():
            file.write("\n")


def write_json(path: str | Path, content: object) -> None:
    """Write one JSON document, keys in the order given, to a file that appears complete or stays as it was."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text to a file that appears complete or stays as it was."""
    with writing(path) as target:
        target.write_text(text, "utf-8")


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Give a temporary neighbour of `path` to write to, and put it in place of `path` when all went well.

    Raises:
        SeedlingError: the disk is full or the file cannot be written; nothing is left behind.
        UserError: a folder of the path is a file.
    """
    path = Path(path)
    target = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield target
        os.replace(target, path)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path}: {path.parent} is not a folder; move that file away") from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space and run again" if full else "make it writable and run again"
        raise SeedlingError(f"{path}: cannot be written ({error.strerror}); {advice}") from None
    finally:
        with suppress(OSError):
            target.unlink()


def read_seeds(path: str) -> list[SeedTask]:
    """Return the seed tasks of a file, at least one, each with an id of its own.

    Raises:
        UserError: a line is no seed task, two have one id, or there is none.
    """
    seeds = read_records(path, SeedTask)
    if not seeds:
        raise UserError(f"{path}: holds no seed task; one is enough to begin")
    twice = [name for name, count in Counter(seed.id for seed in seeds).items() if count > 1]
    if twice:
        raise UserError(f"{path}: id: {twice[0]!r} occurs more than once; give each seed its own")
    return seeds
