"""The API key appears only in requests: not in the store, the data, messages, DVC's files or git's objects."""

import gzip
import json
import sqlite3
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stages.contract.errors import UserError
from stages.llm.secrets import Secrets
from stages.store.answers import AnswerStore
from tests.environment import environment
from tests.llm_server import Behaviour, Call, LlmServer, Reaction, answer, answering, ask, echo_key, failing
from tests.repository import Repository
from tests.test_answers import new_answer, new_request
from tests.test_window import wait_until

KEY_VARIABLE = "SEEDLING_TEST_KEY"
CANARY = "sk-canary-9b04e1c7a5d2f8360e6c"


# The search


def places_of_key(folder: Path) -> list[str]:
    """Return the places with at least half of the canary: plain or compressed files, database rows, git objects."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [str(path) for path in files if holds_key(path.read_bytes())]
    found += [f"{path}: a row" for path in files if any(map(holds_key, values_in(path)))]
    return found + [f"{path}: an object" for path in folder.rglob(".git") if holds_key(objects_in(path))]


def holds_key(content: bytes) -> bool:
    halves = (CANARY[: len(CANARY) // 2].encode(), CANARY[len(CANARY) // 2 :].encode())
    texts = (content, unpacked(content))
    return any(half in text for half in halves for text in texts)


def unpacked(content: bytes) -> bytes:
    """Return content decompressed with zlib or gzip, empty if it is neither."""
    try:
        return zlib.decompress(content, wbits=47)
    except zlib.error:
        return b""


def values_in(path: Path) -> Iterator[bytes]:
    """Yield every value in an SQLite file, nothing for any other file."""
    with path.open("rb") as file:
        if file.read(15) != b"SQLite format 3":
            return
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            for row in connection.execute(f"SELECT * FROM '{name}'"):  # noqa: S608
                yield from (value if isinstance(value, bytes) else str(value).encode() for value in row)


def objects_in(git_folder: Path) -> bytes:
    """Return all git objects of a repository, reachable or not."""
    command = ["git", "--git-dir", str(git_folder), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def plant_in_file(folder: Path) -> None:
    (folder / "file").write_text(f"key={CANARY}.", "utf-8")


def plant_half(folder: Path) -> None:
    (folder / "file").write_text(f"Incorrect API key provided: {CANARY[:20]}...", "utf-8")


def plant_gzipped(folder: Path) -> None:
    (folder / "file").write_bytes(gzip.compress(CANARY.encode()))


def plant_in_store(folder: Path) -> None:
    with closing(AnswerStore(folder)) as store:
        store.put(new_request(), new_answer(new_request(), f"{CANARY} and more text, so that packing hides it"))
        store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def plant_in_git(folder: Path) -> None:
    """Leave the key only in a packed commit that is on no branch."""
    repository = Repository(folder)
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.write("kept", "x")
    repository.commit()
    repository.write("secret", CANARY)
    repository.commit()
    repository.git("gc", "--quiet")
    repository.git("reset", "--quiet", "--hard", "HEAD~1")


@pytest.mark.parametrize("plant", [plant_in_file, plant_half, plant_gzipped, plant_in_store, plant_in_git])
def test_the_search_finds_a_planted_key(plant: Callable[[Path], None], tmp_path: Path) -> None:
    assert places_of_key(tmp_path) == []
    plant(tmp_path)
    assert len(places_of_key(tmp_path)) == 1


# The key


def echo_as(status: int) -> Behaviour:
    """Return the behaviour of a server that repeats the key in an error with this status."""
    return lambda call: failing(status, f"Refused: {call.headers.get('authorization')}")(call)


def echo_in_html(call: Call) -> Reaction:
    return Reaction(f"<html>{call.headers.get('authorization')}</html>".encode(), headers={"Content-Type": "text/html"})


def echo_in_answer(call: Call) -> Reaction:
    sent = call.headers.get("authorization")
    message = {"role": "assistant", "content": f"You sent {sent}.", "reasoning_content": f"They sent {sent}."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return answering(choices=[choice], model=f"for {sent}")(call)


@pytest.mark.parametrize("blank", [" ", "\t", "\r\n"], ids=["space", "tab", "line_end"])
def test_white_space_around_a_pasted_key_is_removed(llm_server: LlmServer, tmp_path: Path, blank: str) -> None:
    """A server receives the key without the white space, and may repeat it."""
    llm_server.behaviour = echo_key
    with environment(**{KEY_VARIABLE: f"{blank}{CANARY}{blank}"}), pytest.raises(UserError) as caught:
        ask(llm_server.configure(tmp_path, {"api_key_env": KEY_VARIABLE}), "Say hello.")
    assert [call.headers["authorization"] for call in llm_server.calls] == [f"Bearer {CANARY}"]
    assert "***" in str(caught.value)
    assert not holds_key(str(caught.value).encode())


def test_a_key_repeated_in_an_answer_is_not_stored(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = echo_in_answer
    with environment(**{KEY_VARIABLE: CANARY}):
        [said] = ask(llm_server.configure(tmp_path, {"api_key_env": KEY_VARIABLE}), "Say hello.")
    assert (said.text, said.reasoning) == ("You sent Bearer ***.", "They sent Bearer ***.")
    assert said.served_by == "for Bearer ***"
    assert places_of_key(tmp_path) == []


def test_the_dummy_key_of_a_local_server_may_be_stored(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.behaviour = answering(text="An EMPTY list.")
    with environment(**{KEY_VARIABLE: "EMPTY"}):
        [said] = ask(llm_server.configure(tmp_path, {"api_key_env": KEY_VARIABLE}), "Say hello.")
    assert said.text == "An EMPTY list."


def test_a_key_that_litellm_finds_itself_is_not_stored_either(llm_server: LlmServer, tmp_path: Path) -> None:
    llm_server.script += [echo_in_answer, echo_as(400)]
    config = llm_server.configure(tmp_path, {"provider": "openai", "model": "openai/test"}, None, {"api_base": []})
    with environment(OPENAI_API_KEY=CANARY, OPENAI_BASE_URL=llm_server.api_base):
        [said] = ask(config, "Say hello.")
        with pytest.raises(UserError) as caught:
            ask(config, "Say goodbye.")
    assert [call.headers["authorization"] for call in llm_server.calls] == [f"Bearer {CANARY}"] * 2
    assert (said.text, "***" in str(caught.value)) == ("You sent Bearer ***.", True)
    assert not holds_key(str(caught.value).encode())
    assert places_of_key(tmp_path) == []


def test_a_key_is_redacted_whatever_its_variable_is_called_and_a_short_key_only_in_errors() -> None:
    assert Secrets(CANARY).blotted(f"You sent {CANARY}.") == "You sent ***."
    assert Secrets("EMPTY").blotted_error("Wrong key: EMPTY") == "Wrong key: ***"


def test_a_secret_that_starts_like_another_is_redacted_completely() -> None:
    with environment(ONE_TOKEN=CANARY, OTHER_PASSWORD=f"{CANARY}-and-more"):
        assert Secrets(None).blotted(f"{CANARY}-and-more, {CANARY}") == "***, ***"


@pytest.mark.slow
def test_runs_failures_experiments_and_commits_leave_no_trace_of_the_key(
    repository: Repository, llm_server: LlmServer, tmp_path: Path
) -> None:
    """The home folder, temporary files and DVC's caches are in the searched folder."""
    folders = {name: tmp_path / name for name in ("HOME", "TMPDIR", "DVC_SITE_CACHE_DIR")}
    for folder in folders.values():
        folder.mkdir()
    environment = {
        **{name: str(folder) for name, folder in folders.items()},
        **{f"GIT_{role}_{what}": "test@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        KEY_VARIABLE: CANARY,
        "SEEDLING_RUNTIME": json.dumps({"api_base": llm_server.api_base, "max_cost_usd": None, "attempts": 1}),
    }
    model = ("llm=openai", "llm.model=openai/test", f"llm.api_key_env={KEY_VARIABLE}")
    done = [repository.seedling("run", *model, **environment)]
    for behaviour, endpoint in ((echo_as(401), "a"), (echo_as(500), "b"), (echo_in_html, "c")):
        llm_server.behaviour = behaviour
        done.append(repository.seedling("run", f"llm.endpoint={endpoint}", **environment))
    llm_server.behaviour = answer
    done += [
        repository.dvc("exp", "run", "-S", "classify.max_tokens=17", **environment),
        repository.dvc("exp", "run", "--queue", "-S", "classify.max_tokens=18", **environment),
        repository.dvc("exp", "run", "--run-all", **environment),
    ]
    said = "".join(process.stdout + process.stderr for process in done)
    assert [process.returncode for process in done] == [0, 2, 1, 1, 0, 0, 0], said
    assert {call.headers["authorization"] for call in llm_server.calls} == {f"Bearer {CANARY}"}
    assert said.count("***") >= 2
    wait_until(lambda: not repository.processes())  # DVC's queue worker ends once it is idle
    repository.commit()
    assert not holds_key(said.encode())
    assert places_of_key(tmp_path) == []
