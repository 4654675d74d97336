"""The answer store: every answer is kept, so that none is paid for twice."""

import json
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import JsonValue, ValidationError

from stages.contract.errors import UserError
from stages.contract.records import Answer, Record
from stages.store.database import Database
from stages.store.request import Request, canonical


class StoredAnswer(Record):
    """A line of an exported store: an answer and its request."""

    request: dict[str, JsonValue] | None
    """The canonical request; null for an answer from a transcript, which does not repeat the request."""
    answer: Answer
    stored: int
    """When it was stored, in seconds since 1970; 0 if not known."""


class AnswerStore:
    """Answers by key. Once `put` has returned, its answer survives kill -9.

    The first answer written for a key stays, so that a replay always reads what the first run read.
    """

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder)

    def get(self, key: str) -> Answer | None:
        """Return the answer stored for a key; None if there is none."""
        row = self.database.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return self._read(key, row[0]) if row else None

    def put(self, request: Request, answer: Answer) -> Answer:
        """Store an answer unless its key has one, and return the stored answer. Returns after the commit."""
        self._insert(answer, request.canonical, int(time.time()))
        return self.get(answer.key) or answer

    def all(self) -> Iterator[StoredAnswer]:
        """Yield every answer, ordered by key."""
        for key, request, answer, stored in self.database.execute("SELECT * FROM answers ORDER BY key"):
            asked = zlib.decompress(request)
            yield StoredAnswer(
                request=json.loads(asked) if asked else None, answer=self._read(key, answer), stored=stored
            )

    def count(self) -> int:
        """Return the number of answers."""
        number: int = self.database.execute("SELECT count(*) FROM answers").fetchone()[0]
        return number

    def add(self, line: StoredAnswer) -> bool:
        """Store an answer that another store exported; return False if its key already has one."""
        asked = b"" if line.request is None else canonical(line.request)
        return self._insert(line.answer, asked, line.stored)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete answers and free their disk space."""
        for key in keys:
            self.database.execute("DELETE FROM answers WHERE key = ?", (key,))
        self.database.execute("VACUUM")

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def _insert(self, answer: Answer, asked: bytes, stored: int) -> bool:
        row = (answer.key, zlib.compress(asked), zlib.compress(answer.model_dump_json().encode()), stored)
        return self.database.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)", row).rowcount == 1

    def _read(self, key: str, packed: bytes) -> Answer:
        try:
            return Answer.model_validate_json(zlib.decompress(packed))
        except (zlib.error, TypeError, ValidationError):
            raise UserError(
                f"{self.database.path}: the answer {key} cannot be read; restore the file or move it away"
            ) from None
