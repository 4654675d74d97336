"""Read and write JSON Lines: UTF-8, one record a line, written whole or not at all."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stages.contract.errors import UserError
from stages.contract.files import writing

Record = TypeVar("Record", bound=BaseModel)


def read_records(path: str | Path, record: type[Record]) -> list[Record]:
    """Return the records of a JSON Lines file in its order; empty lines are skipped.

    Raises:
        UserError: the file cannot be read, or a line is not such a record (names file, line and field).
    """
    return [parse_record(line, record, f"{path}:{number}") for number, line in numbered_lines(path) if line.strip()]


def parse_record(line: str, record: type[Record], where: str, advice: str = "correct this line") -> Record:
    """Return the record in one line of JSON.

    Args:
        line: one JSON object.
        record: the kind of record.
        where: the file and line, for the message.
        advice: what to do when the line is not JSON or lacks a field.

    Raises:
        UserError: the line is not such a record; the message names the missing fields, or the first faulty one.
    """
    try:
        return record.model_validate_json(line)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise UserError(f"{where}: {_fault_line(faults, advice)}") from None


def _fault_line(faults: Sequence[Any], advice: str) -> str:  # Any: pydantic's ErrorDetails, whose context is untyped
    missing = [".".join(map(str, fault["loc"])) for fault in faults if fault["type"] == "missing"]
    if missing:
        return f"{', '.join(missing)}: Field required; {advice}"
    fault = faults[0]
    field = ".".join(map(str, fault["loc"])) or "the line"
    message = fault["msg"].replace(" at line 1 column", " at column").removeprefix("Value error, ")
    found = f"{message}, found {str(fault['input'])[:60]!r}"
    return f"{field}: {found}; {'correct this line' if field != 'the line' else advice}"


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
    """Write records, one a line. Without any, write one blank line: DVC warns about an empty file at every run."""
    with writing(path) as target, open(target, "w", encoding="utf-8") as file:
        file.writelines(record.model_dump_json() + "\n" for record in records)
        if not file.tell():
            file.write("\n")
