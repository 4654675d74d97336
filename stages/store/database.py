"""The SQLite file with answers and spending. It lies on a local disk; all processes share it."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.contract.errors import SeedlingError, UserError
from stages.contract.sections.runtime import Runtime

SCHEMA_VERSION = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request BLOB NOT NULL, answer BLOB NOT NULL, stored INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, began INTEGER NOT NULL,
    reserved INTEGER NOT NULL DEFAULT 0, spent INTEGER NOT NULL DEFAULT 0);
"""
_FROM_SCHEMA_1 = "ALTER TABLE answers ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;"
_OWN_TABLES = ("answers", "runs", "sqlite_stat1")
_NETWORK = re.compile(
    r"^(?:nfs\d?|cifs|smb\d?|smbfs|afs|ceph|lustre|gpfs|beegfs|glusterfs|ocfs2|gfs2|pvfs2|orangefs|davfs|ncpfs|9p|"
    r"fuse\.(?:sshfs|s3fs|rclone|glusterfs|ceph|gcsfuse|goofys|blobfuse2?|davfs2?|juicefs|smbnetfs|curlftpfs))$"
)


def answers_folder(runtime: Runtime) -> Path:
    """Return the folder of the store: `runtime.answers_dir`, or `answers` in DVC's cache.

    In the cache the workspace, experiments and clones share the answers, and `dvc gc` does not delete them.
    """
    if runtime.answers_dir:
        return Path(runtime.answers_dir).expanduser()
    from dvc.config import Config as DvcConfig

    configured = DvcConfig(dvc_dir=str(Path(".dvc").resolve())).get("cache", {}).get("dir", "cache")
    return Path(".dvc", configured, "answers")


def network_file_system(folder: Path, mounts: str) -> str:
    """Return the kind of network file system that holds a folder; empty for a local one.

    Args:
        folder: an absolute path without symbolic links.
        mounts: the content of /proc/self/mountinfo, a line such as
            `36 35 0:32 / /home rw,relatime shared:1 - nfs4 server:/home rw,vers=4.2`.
    """
    kinds: dict[Path, str] = {}
    for line in mounts.splitlines():
        mount, _, rest = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount.split()[4])
        kinds[Path(point)] = rest.split()[0]  # of two mounts on one point, the later one is visible
    on = next((kinds[parent] for parent in (folder, *folder.parents) if parent in kinds), "")
    return on if _NETWORK.match(on) else ""


class Database:
    """One SQLite file. Once a statement has returned, its effect survives kill -9; errors are one line."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "answers.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._refuse_network(folder)
            self._connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._prepare(folder)
        except OSError as error:
            raise UserError(
                f"{folder}: cannot store answers there ({error.strerror}); set runtime.answers_dir to another folder"
            ) from None
        except sqlite3.Error as error:
            raise self._failure(error) from None

    def execute(
        self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> sqlite3.Cursor:  # Any: what SQLite holds
        """Run one statement. It is committed when this returns.

        Raises:
            SeedlingError: the disk is full.
            UserError: the file is damaged or unusable.
        """
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _refuse_network(self, folder: Path) -> None:
        mounts = Path("/proc/self/mountinfo")
        if mounts.exists() and (kind := network_file_system(folder.resolve(), mounts.read_text("utf-8"))):
            raise UserError(
                f"{folder}: is on a network file system ({kind}), where SQLite and file locks are not safe; "
                "set runtime.answers_dir to a folder on a local disk"
            )

    def _prepare(self, folder: Path) -> None:
        """Create or upgrade the tables, one process at a time."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._refuse_foreign()
            self._connection.execute("PRAGMA page_size = 8192")  # smaller pages leave more space unused
            self._connection.execute("PRAGMA journal_mode = WAL")
            # With NORMAL only a power cut can lose commits, and only the last ones; FULL stores 5 times fewer a second.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            if (version := self._version()) < SCHEMA_VERSION:
                upgrade = _FROM_SCHEMA_1 if version == 1 else ""
                self._connection.executescript(
                    f"BEGIN; {upgrade} {_TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                )
        finally:
            os.close(descriptor)

    def _refuse_foreign(self) -> None:
        if (version := self._version()) > SCHEMA_VERSION:
            raise UserError(f"{self.path}: was written by a newer Seedling (schema {version}); update this one")
        tables = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        if foreign := [name for (name,) in tables if name not in _OWN_TABLES]:
            raise UserError(f"{self.path}: has a table {foreign[0]!r}, so it is not an answer store; move it away")

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def _failure(self, error: sqlite3.Error) -> SeedlingError:
        if "full" in str(error):
            return SeedlingError(f"{self.path}: the disk is full; free some space and run again")
        if "locked" in str(error):
            return SeedlingError(
                f"{self.path}: another process has kept it locked; wait until that process ends and run again"
            )
        return UserError(f"{self.path}: cannot be used ({error}); move it away or set runtime.answers_dir")
