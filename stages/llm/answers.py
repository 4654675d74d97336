"""Requests, their keys, and the store in which every answer is kept so that it is never paid for twice."""

import hashlib
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stages.contract.config import Decoding, Llm, Runtime
from stages.contract.errors import SeedlingError, UserError
from stages.contract.records import Answer

KEY_VERSION = 1
SCHEMA_VERSION = 1
_DECODING_KEYS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "stop")


@dataclass(frozen=True)
class Request:
    """One request as configured, before LiteLLM maps or drops anything.

    Left out of the key on purpose: URLs, timeouts, concurrency, attempts and the API key, because they say how
    an answer is fetched and not which answer it is. A moved server or a new key replays for nothing.
    """

    llm: Llm
    prompt: str
    parameters: Mapping[str, Any]  # Any: the JSON values of decoding parameters
    sample: int
    """How many earlier requests of the stage were the same."""

    @property
    def canonical(self) -> bytes:
        """The request as canonical JSON: sorted keys, no white space, UTF-8."""
        content = (
            {"messages": [{"role": "user", "content": self.prompt}]}
            if self.llm.mode == "chat"
            else {"prompt": self.prompt}
        )
        whole = {
            "version": KEY_VERSION,
            "model": self.llm.model,
            "endpoint": self.llm.endpoint,
            "revision": self.llm.revision,
            "sample": self.sample,
            "parameters": dict(self.parameters),
            **content,
        }
        return json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    @property
    def key(self) -> str:
        """sha256 of the canonical request, 64 hex digits."""
        return hashlib.sha256(self.canonical).hexdigest()


class Requests:
    """Makes the requests of one stage in order, counting those that are the same."""

    def __init__(self, decoding: Decoding) -> None:
        self._llm = decoding.llm
        self._parameters = {
            name: value for name in _DECODING_KEYS if (value := getattr(decoding, name)) not in (None, [])
        }
        if self._llm.reasoning_effort is not None:
            self._parameters["reasoning_effort"] = self._llm.reasoning_effort
        self._seen: Counter[tuple[str, int]] = Counter()

    def make(self, prompt: str, max_tokens: int) -> Request:
        """Return the next request; `max_tokens` counts the visible answer, reasoning tokens are added on top."""
        sample = self._seen[prompt, max_tokens]
        self._seen[prompt, max_tokens] += 1
        parameters = {**self._parameters, "max_tokens": max_tokens + self._llm.reasoning_tokens}
        if self._llm.send_seed:
            parameters["seed"] = sample
        return Request(self._llm, prompt, parameters, sample)


def answers_folder(runtime: Runtime) -> Path:
    """Return the folder of the store: `runtime.answers_dir`, else `answers` in DVC's cache.

    There workspace, experiments and clones that share the cache share the answers, and `dvc gc` leaves them.
    """
    if runtime.answers_dir:
        return Path(runtime.answers_dir).expanduser()
    from dvc.config import Config as DvcConfig

    configured = DvcConfig(dvc_dir=str(Path(".dvc").resolve())).get("cache", {}).get("dir", "cache")
    return Path(".dvc", configured, "answers")


class AnswerStore:
    """Answers by key in SQLite; what `put` has returned from survives kill -9.

    The first answer written for a key stays, so a replay always reads what the first run read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "answers.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=60, isolation_level=None)
            self._prepare()
        except OSError as error:
            raise UserError(f"{folder}: cannot hold the answers ({error.strerror}); set runtime.answers_dir") from None
        except sqlite3.Error as error:
            raise self._failure(error) from None

    def _prepare(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise UserError(f"{self._path}: written by a newer Seedling (schema {version}); update this one")
        foreign = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('answers', 'sqlite_stat1')"
        ).fetchone()
        if foreign:
            raise UserError(f"{self._path}: holds a table {foreign[0]!r} and is no store of answers; move it away")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request BLOB NOT NULL, answer BLOB NOT NULL)"
        )
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def get(self, key: str) -> Answer | None:
        """Return the answer stored for a key, None if there is none."""
        try:
            row = self._connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            return Answer.model_validate_json(zlib.decompress(row[0])) if row else None
        except sqlite3.Error as error:
            raise self._failure(error) from None
        except (zlib.error, TypeError, ValidationError):
            raise UserError(
                f"{self._path}: the answer {key} cannot be read; restore the file or move it away"
            ) from None

    def put(self, request: Request, answer: Answer) -> Answer:
        """Keep an answer and return the one that is stored for its key; returns after the commit."""
        row = (answer.key, zlib.compress(request.canonical), zlib.compress(answer.model_dump_json().encode()))
        try:
            self._connection.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._failure(error) from None
        return self.get(answer.key) or answer

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _failure(self, error: sqlite3.Error) -> SeedlingError:
        if "full" in str(error):
            return SeedlingError(f"{self._path}: the disk is full; free some space and run again")
        return UserError(f"{self._path}: cannot be used ({error}); move it away or set runtime.answers_dir")
