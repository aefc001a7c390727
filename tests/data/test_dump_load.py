"""`dump` and `load`: all records of a store to a file or a pipe, and back into an empty store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.__main__ import main
from service.auth.passwords import is_hash
from service.settings.schema import ROOT
from service.testing import SECRET
from tests.support.requests import SHIP

USER = {"id": 7, "name": "user", "password": "password"}
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$dGVuIGJ5dGVzIQ"
OBJECT = 'is not a JSON object such as {"users": [...], "ships": [...]}.'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty SQLite store, and a signing key so that none is created."""
    monkeypatch.setenv("SHIPYARD_JWT_SECRET", SECRET)
    use_store(monkeypatch, tmp_path / "one.db")
    monkeypatch.chdir(tmp_path)


def use_store(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("SHIPYARD_STORE", f"sqlite:///{path}")


def run(command: str, *, input: bytes | None = None, stdin: Any = None) -> subprocess.CompletedProcess[bytes]:
    """Run a command with standard input and output, and with the environment of this process."""
    words = [sys.executable, "-m", "service", command]
    return subprocess.run(words, input=input, stdin=stdin, capture_output=True, check=False, timeout=60)


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that fails; return its message."""
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("shipyard: error: ")


def errors_of_load(content: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Load a file that is rejected; return its errors without its name."""
    Path("wrong.json").write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    assert main(["load", "wrong.json"]) == 1
    error = capsys.readouterr().err.removeprefix("shipyard: error: ")
    return [line.removeprefix("wrong.json: ") for line in error.splitlines()]


def test_a_dump_contains_all_records_with_hashed_passwords_and_can_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(["load", str(ROOT / "data.json")]) == 0
    assert main(["dump", "all.json"]) == 0
    dumped = orjson.loads(Path("all.json").read_bytes())
    example = orjson.loads((ROOT / "data.json").read_bytes())
    assert dumped.keys() == {"users", "ships"}
    assert dumped["ships"] == example["ships"]
    assert all(is_hash(user["password"]) for user in dumped["users"])
    assert [(user["id"], user["name"]) for user in dumped["users"]] == [(1, "user"), (2, "guest")]
    use_store(monkeypatch, tmp_path / "two.db")
    assert main(["load", "all.json"]) == 0
    assert main(["dump", "again.json"]) == 0
    assert Path("again.json").read_bytes() == Path("all.json").read_bytes()


def test_records_move_from_sqlite_to_postgres_and_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_service_url: str
) -> None:
    # As many as need several batches.
    ships = [{"id": id, **SHIP} for id in range(1, 2502)]
    Path("ships.json").write_bytes(orjson.dumps({"ships": ships, "users": [{**USER, "password": HASH}]}))
    assert main(["load", "ships.json"]) == 0
    assert main(["dump", "sqlite.json"]) == 0
    monkeypatch.setenv("SHIPYARD_STORE", postgres_service_url)
    assert main(["load", "sqlite.json"]) == 0
    assert main(["dump", "postgres.json"]) == 0
    assert orjson.loads(Path("postgres.json").read_bytes())["ships"] == ships
    assert Path("postgres.json").read_bytes() == Path("sqlite.json").read_bytes()


def test_dump_writes_to_standard_output_and_load_reads_standard_input_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = orjson.dumps({"users": [{**USER, "password": HASH}], "ships": [{"id": 3, **SHIP}]})
    loaded = run("load", input=content)  # a pipe
    assert (loaded.returncode, loaded.stdout) == (0, b"")
    assert loaded.stderr.rstrip().endswith(f"2 records into sqlite:///{tmp_path}/one.db".encode())
    dumped = run("dump")
    assert dumped.returncode == 0
    assert orjson.loads(dumped.stdout) == orjson.loads(content)
    Path("all.json").write_bytes(dumped.stdout)
    use_store(monkeypatch, tmp_path / "two.db")
    with Path("all.json").open("rb") as file:  # as in `load < all.json`
        assert run("load", stdin=file).returncode == 0
    assert run("dump").stdout == dumped.stdout
    rejected = run("load", input=b"[]")
    assert rejected.returncode == 1
    assert rejected.stderr.splitlines() == [
        b"shipyard: error: store sqlite:///%b is not empty; nothing was loaded." % bytes(tmp_path / "two.db")
    ]


def test_the_name_of_standard_input_in_errors(capsys: pytest.CaptureFixture[str]) -> None:
    rejected = run("load", input=b'{"ships": [{}]}')
    assert rejected.stderr.splitlines() == [
        b"shipyard: error: standard input: /ships/0/id: Missing or not a positive integer."
    ]


def test_a_reader_that_closes_standard_output_ends_dump_with_one_message() -> None:
    ships = [{"id": id, **SHIP} for id in range(1, 1000)]
    Path("ships.json").write_bytes(orjson.dumps({"ships": ships}))
    assert main(["load", "ships.json"]) == 0
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "service", "dump"]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"shipyard: error: standard output cannot be written: Broken pipe.\n")


def test_dump_does_not_overwrite_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("all.json").write_text("precious")
    error = error_of(["dump", "all.json"], capsys)
    assert error == "all.json exists; it is not overwritten: remove it or choose another name."
    assert Path("all.json").read_text() == "precious"


def test_a_file_that_cannot_be_opened_is_reported_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(["dump", "no/all.json"], capsys) == "no/all.json cannot be written: No such file or directory."
    assert error_of(["load", "all.json"], capsys) == "all.json cannot be read: No such file or directory."
    assert error_of(["load", "."], capsys) == ". cannot be read: Is a directory."


def test_a_dump_that_fails_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.db").write_bytes(b"not a database" * 1000)
    use_store(monkeypatch, tmp_path / "broken.db")
    assert error_of(["dump", "all.json"], capsys).startswith(f"store sqlite:///{tmp_path}/broken.db: ")
    assert not Path("all.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_in_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        words = [sys.executable, "-m", "service", "dump"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    expected = b"shipyard: error: standard output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, expected)


@pytest.mark.parametrize("command", ["dump", "load"])
def test_the_memory_store_can_neither_be_dumped_nor_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("SHIPYARD_STORE", "memory:")
    Path("data.json").write_text("{}")
    arguments = [command, {"dump": "all.json", "load": "data.json"}[command]]
    message = "store memory: does not outlive a process; choose another: SHIPYARD_STORE=..."
    assert error_of(arguments, capsys) == message


def test_load_rejects_a_store_that_is_not_empty(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Path("ships.json").write_bytes(orjson.dumps({"ships": [{"id": 1, **SHIP}]}))
    assert main(["load", "ships.json"]) == 0
    capsys.readouterr()
    error = error_of(["load", "ships.json"], capsys)
    assert error == f"store sqlite:///{tmp_path}/one.db is not empty; nothing was loaded."


REJECTED: list[tuple[Any, list[str]]] = [
    ([], [OBJECT]),
    (5, [OBJECT]),
    ({"ships": {}}, ["/ships: Not a list."]),
    ({"ships": None, "users": []}, ["/ships: Not a list."]),
    ({"ships": [5]}, ["/ships/0: Not an object."]),
    ({"ships": [{"id": 1, **SHIP, "crew": 0}]}, ["/ships/0/crew: Must be greater than or equal to 1."]),
    ({"ships": [], "comets": []}, ["/comets: No enabled plugin declares this collection."]),
    ({"users": [{**USER, "name": "u"}]}, ["/users/0/name: Shorter than minimum length 2."]),
    (
        {"ships": [{"id": 1, **SHIP}, *[{}] * 100]},
        [f"/ships/{index}/id: Missing or not a positive integer." for index in range(1, 21)]
        + ["There may be more errors."],
    ),
]


@pytest.mark.parametrize(("document", "expected"), REJECTED, ids=lambda it: str(it)[:30])
def test_load_rejects_what_the_data_file_must_not_contain(
    capsys: pytest.CaptureFixture[str], document: Any, expected: list[str]
) -> None:
    assert errors_of_load(document, capsys) == expected


@pytest.mark.parametrize("content", [b"", b"{", b'{"users": ["canary" }', b'{"ships": ["\xff"]}', b'{"ships": []} x'])
def test_load_reports_invalid_json_in_one_line(capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (line,) = errors_of_load(content, capsys)
    assert line.startswith("wrong.json cannot be loaded: ")
    assert line.endswith("; nothing was loaded.")
    assert "canary" not in line


def test_load_rejects_duplicates(capsys: pytest.CaptureFixture[str]) -> None:
    users = [{**USER, "password": HASH}, {"id": 8, "name": "USER", "password": HASH}]
    (line,) = errors_of_load({"users": users}, capsys)
    assert line == "wrong.json cannot be loaded: two records of a collection have the same name; nothing was loaded."
    (line,) = errors_of_load({"ships": [{"id": 1, **SHIP}] * 2}, capsys)
    assert line == "wrong.json cannot be loaded: two records of a collection have the same id; nothing was loaded."


def test_one_error_and_nothing_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    ships: list[Any] = [{"id": id, **SHIP} for id in range(1, 2001)]
    assert errors_of_load({"ships": [*ships, {"id": 2001}]}, capsys)[0].startswith("/ships/2000/")
    assert orjson.loads(run("dump").stdout) == {"users": [], "ships": []}


def test_users_are_dumped_without_their_plugin_and_loaded_if_their_passwords_are_hashed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_PLUGINS_ENABLED", "ships")
    assert errors_of_load({"users": [USER]}, capsys) == [
        "/users/0/password: Not an Argon2id hash; no enabled plugin hashes passwords."
    ]
    document = {"users": [{**USER, "password": HASH}], "ships": []}
    Path("all.json").write_bytes(orjson.dumps(document))
    assert main(["load", "all.json"]) == 0
    assert orjson.loads(run("dump").stdout) == document


def test_the_file_is_relative_to_the_current_directory_and_the_store_to_the_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "project").mkdir()
    monkeypatch.setattr("service.app.ROOT", tmp_path / "project")
    monkeypatch.setenv("SHIPYARD_STORE", "sqlite:///records.db")
    Path("all.json").write_text('{"ships": []}')
    assert main(["load", "all.json"]) == 0
    assert (tmp_path / "project" / "records.db").exists()
    assert not Path("records.db").exists()
    assert f"0 records into sqlite:///{tmp_path}/project/records.db" in caplog.messages
