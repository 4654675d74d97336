"""The answer store: the key of a request, and answers that outlive everything but their file."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from stages.contract.errors import SeedlingError, UserError
from stages.contract.records import Answer
from stages.store.answers import AnswerStore
from stages.store.database import SCHEMA_VERSION, answers_folder, network_file_system
from stages.store.request import Request, Requests
from tests.llm_server import configure

ROOT = Path(__file__).parents[1]
TEXT = {"provider": "text-completion-openai", "model": "text-completion-openai/test", "mode": "completion"}


def new_request(llm: dict[str, Any] | None = None, **generate: Any) -> Request:  # Any: values of YAML
    return Requests(configure(llm, generate).generate).make("Say hello.", 100)


def new_answer(request: Request, text: str = "Hello.") -> Answer:
    return Answer(
        key=request.key,
        model=request.llm.model,
        served_by="test-1",
        text=text,
        reasoning="",
        finish_reason="stop",
        prompt_tokens=2,
        cached_tokens=0,
        completion_tokens=1,
        reasoning_tokens=0,
        cost_usd=None,
        dropped_parameters=[],
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    with closing(AnswerStore(tmp_path)) as opened:
        yield opened


# The key


@pytest.mark.parametrize(
    ("llm", "canonical", "key"),
    [
        pytest.param(
            {},
            '{"endpoint":"","messages":[{"content":"Say hello.","role":"user"}],"model":"hosted_vllm/test",'
            '"parameters":{"max_tokens":100,"temperature":1.0},"revision":"","sample":0,"version":1}',
            "10a0ba51704071440b1e494815cc70fa395fa23444ee3af88abcf608286e5944",
            id="chat",
        ),
        pytest.param(
            TEXT,
            '{"endpoint":"","model":"text-completion-openai/test","parameters":{"max_tokens":100,"temperature":1.0},'
            '"prompt":"Say hello.","revision":"","sample":0,"version":1}',
            "ae9a11f0efe44fb28fc973ee953c1dd7b09a0019a912cea85fe763b90f429959",
            id="completion",
        ),
    ],
)
def test_the_key_of_a_request_stays_what_it_was(llm: dict[str, Any], canonical: str, key: str) -> None:
    request = new_request(llm)
    assert (request.canonical.decode(), request.key) == (canonical, key)


@pytest.mark.parametrize(
    ("llm", "generate"),
    [
        pytest.param({"model": "hosted_vllm/other"}, {}, id="model"),
        pytest.param({"mode": "completion"}, {}, id="mode"),
        pytest.param({"endpoint": "east"}, {}, id="endpoint"),
        pytest.param({"revision": "2"}, {}, id="revision"),
        pytest.param({"send_seed": True}, {}, id="send_seed"),
        pytest.param({"reasoning_effort": "low"}, {}, id="reasoning_effort"),
        pytest.param({"reasoning_tokens": 1}, {}, id="reasoning_tokens"),
        pytest.param({}, {"temperature": 0.9}, id="temperature"),
        pytest.param({}, {"temperature": 0.0}, id="temperature_zero"),
        pytest.param({}, {"temperature": None}, id="no_temperature"),
        pytest.param({}, {"top_p": 1.0}, id="top_p"),
        pytest.param({}, {"frequency_penalty": 0.0}, id="frequency_penalty"),
        pytest.param({}, {"presence_penalty": 0.0}, id="presence_penalty"),
        pytest.param({}, {"stop": ["\n"]}, id="stop"),
    ],
)
def test_the_key_changes_with_what_decides_the_answer(llm: dict[str, Any], generate: dict[str, Any]) -> None:
    assert new_request(llm, **generate).key != new_request().key


def test_the_key_changes_with_the_prompt_the_token_limit_and_the_sample() -> None:
    requests = Requests(configure().generate)
    made = [requests.make("Say hello.", 100), requests.make("Say goodbye.", 100), requests.make("Say hello.", 101)]
    keys = {request.key for request in [*made, requests.make("Say hello.", 100)]}
    assert len(keys) == 4


@pytest.mark.parametrize(
    "request_of_another",
    [
        pytest.param(new_request({"api_key_env": "OTHER_KEY"}), id="api_key_env"),
        pytest.param(new_request(temperature=1), id="whole_number"),
        pytest.param(replace(new_request(), parameters={"temperature": 1.0, "max_tokens": 100}), id="order"),
    ],
)
def test_the_key_does_not_change_with_how_the_answer_is_fetched_or_written_down(request_of_another: Request) -> None:
    assert request_of_another.key == new_request().key


def test_equal_prompts_are_counted_in_order() -> None:
    requests = Requests(configure().generate)
    made = [requests.make(prompt, 100) for prompt in ("a", "b", "a", "a", "b")]
    assert [request.sample for request in made] == [0, 0, 1, 2, 1]


@pytest.mark.parametrize(("send_seed", "seeds"), [(True, [0, 1]), (False, [None, None])], ids=["sent", "not_sent"])
def test_the_seed_is_the_sample_where_it_is_sent(send_seed: bool, seeds: list[int | None]) -> None:
    requests = Requests(configure({"send_seed": send_seed}).generate)
    assert [requests.make("a", 100).parameters.get("seed") for _ in seeds] == seeds


def test_reasoning_tokens_are_added_to_those_of_the_answer() -> None:
    assert new_request({"reasoning_tokens": 5000}).parameters["max_tokens"] == 5100


# The store


def test_an_answer_is_read_as_it_was_put(store: AnswerStore) -> None:
    answer = new_answer(new_request(), "“Grüße”, 😀\x00\r\n")
    store.put(new_request(), answer)
    assert store.get(answer.key) == answer


def test_an_answer_that_was_not_put_is_none(store: AnswerStore) -> None:
    assert store.get(new_request().key) is None


def test_the_first_writer_wins(store: AnswerStore, tmp_path: Path) -> None:
    request = new_request()
    first = store.put(request, new_answer(request, "first"))
    with closing(AnswerStore(tmp_path)) as other:
        assert other.put(request, new_answer(request, "second")) == first
    assert store.get(request.key) == first


def put_without_end(store: AnswerStore, report: Callable[[str], object]) -> None:
    """Put answers and report the key of each when `put` has returned."""
    requests = Requests(configure().generate)
    while True:
        request = requests.make("Say hello.", 100)
        store.put(request, new_answer(request, os.urandom(1000).hex()))
        report(request.key)


def put_and_print(folder: str) -> None:
    """Put answers and print their keys; run as a process of its own."""
    put_without_end(AnswerStore(Path(folder)), lambda key: os.write(1, f"{key}\n".encode()))


def test_what_put_returned_from_survives_kill_9(tmp_path: Path) -> None:
    code = f"from tests.test_answers import put_and_print; put_and_print({str(tmp_path)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        keys = [line.strip() for line in islice(process.stdout, 200)]
        process.send_signal(signal.SIGKILL)
        keys += [line.strip() for line in process.stdout if line.endswith("\n")]
    with closing(AnswerStore(tmp_path)) as store:
        assert len(keys) >= 200
        assert all(store.get(key) for key in keys)


# Files that are not a store


def write_garbage(file: Path) -> None:
    file.write_bytes(b"This is no database. " * 100)


def cut_in_half(file: Path) -> None:
    with closing(AnswerStore(file.parent)) as store:
        store.put(new_request(), new_answer(new_request()))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def executing(statement: str) -> Callable[[Path], None]:
    def execute(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)

    return execute


def write_answer_that_is_no_record(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, request BLOB, answer BLOB)")
        connection.execute("INSERT INTO answers VALUES (?, '', 'Hello.')", (new_request().key,))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(write_garbage, "cannot be used (file is not a database); move it away", id="garbage"),
        pytest.param(cut_in_half, "cannot be used (database disk image is malformed); move it away", id="cut"),
        pytest.param(executing("CREATE TABLE songs (title)"), "has a table 'songs'", id="foreign"),
        pytest.param(executing("CREATE TABLE answers (title)"), "cannot be used (no such column", id="other_columns"),
        pytest.param(write_answer_that_is_no_record, "cannot be read; restore the file", id="no_record"),
        pytest.param(executing(f"PRAGMA user_version = {SCHEMA_VERSION + 1}"), "by a newer Seedling", id="newer"),
        pytest.param(Path.mkdir, "cannot be used (unable to open database file)", id="folder"),
    ],
)
def test_a_file_that_is_no_store_is_one_line_for_the_user(
    spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "answers.sqlite"
    spoil(file)
    with pytest.raises(UserError) as caught, closing(AnswerStore(tmp_path)) as store:
        store.get(new_request().key)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_foreign_file_is_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    executing("CREATE TABLE songs (title)")(file)
    before = file.read_bytes()
    with pytest.raises(UserError):
        AnswerStore(tmp_path)
    assert file.read_bytes() == before


def test_a_folder_that_is_a_file_is_one_line_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("")
    with pytest.raises(UserError) as caught:
        AnswerStore(tmp_path / "answers")
    assert (
        str(caught.value)
        == f"{tmp_path}/answers: cannot store answers there (File exists); set runtime.answers_dir to another folder"
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mount is not allowed here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_what_was_put_before_the_disk_was_full_stays_readable(small_disk: Path) -> None:
    with closing(AnswerStore(small_disk)) as store:
        keys: list[str] = []
        with pytest.raises(SeedlingError, match=r"the disk is full; free some space and run again$"):
            put_without_end(store, keys.append)
        assert len(keys) > 10
        assert all(store.get(key) for key in keys)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    with closing(AnswerStore(small_disk)) as store:
        assert all(store.get(key) for key in keys)


# Where it is


@pytest.mark.parametrize(
    ("answers_dir", "local", "folder"),
    [
        pytest.param("elsewhere", "[cache]\ndir = shared\n", "elsewhere", id="answers_dir"),
        pytest.param(None, "[cache]\ndir = ../../shared\n", "../shared/answers", id="cache_of_config_local"),
        pytest.param(None, "", ".dvc/cache/answers", id="default"),
    ],
)
def test_the_store_is_where_the_config_says_or_in_the_cache(
    answers_dir: str | None, local: str, folder: str, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    (repository / ".dvc").mkdir(parents=True)
    (repository / ".dvc" / "config.local").write_text(local)
    with chdir(repository):
        found = answers_folder(configure(runtime={"answers_dir": answers_dir}).runtime).resolve()
    assert found == (repository / folder).resolve()


LOCAL = "24 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        pytest.param("", "", id="local"),
        pytest.param("36 24 0:32 / /data rw shared:1 - nfs4 server:/data rw,vers=4.2", "nfs4", id="nfs"),
        pytest.param("36 24 0:32 / /data/answers rw - cifs //server/share rw", "cifs", id="the_folder_itself"),
        pytest.param("36 24 0:32 / /data rw - fuse.sshfs me@server: rw", "fuse.sshfs", id="sshfs"),
        pytest.param("36 24 0:32 / /data rw - fuse.encfs encfs rw", "", id="local_fuse"),
        pytest.param("36 24 0:32 / /dat rw - nfs4 server:/dat rw", "", id="a_name_that_begins_alike"),
        pytest.param(
            "36 24 0:32 / /data rw - nfs4 server:/data rw\n37 36 0:33 / /data/answers rw - xfs /dev/vdb rw",
            "",
            id="local_below_network",
        ),
        pytest.param(
            "36 24 0:32 / /data rw - ext4 /dev/vdb rw\n37 24 0:33 / /data rw - lustre fs@tcp:/ rw", "lustre", id="over"
        ),
    ],
)
def test_a_network_file_system_is_recognized_by_the_mount_the_folder_lies_on(mounts: str, kind: str) -> None:
    assert network_file_system(Path("/data/answers"), LOCAL + mounts) == kind


def test_a_mount_point_with_a_blank_is_read() -> None:
    mounts = f"{LOCAL}36 24 0:32 / /my\\040data rw - nfs server:/ rw"
    assert network_file_system(Path("/my data/answers"), mounts) == "nfs"
