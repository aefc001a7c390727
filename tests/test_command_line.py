"""The command line: what it says, how it ends, and the tables it prints."""

from __future__ import annotations

import http.client
import signal
import socket
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.__main__ import main
from service.app import create_app
from service.openapi.operation import template
from service.testing import SECRET, settings_for_tests
from tests.support.program import Program

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, so that none is made."""
    monkeypatch.setenv("SHIPYARD_JWT_SECRET", SECRET)


def test_it_says_where_it_serves_and_what_and_either_signal_ends_it_cleanly() -> None:
    # So much patience with requests that waiting for an idle connection would never end.
    patient = {"SHIPYARD_LIMITS_STOP_SECONDS": "3600"}
    with Program(**patient) as first, Program("run", **patient) as second:
        for program, by in ((first, signal.SIGINT), (second, signal.SIGTERM)):
            idle = http.client.HTTPConnection("127.0.0.1", program.port())
            idle.request("GET", "/api/ships/1")
            answer = idle.getresponse()
            assert (answer.status, len(answer.read()) > 0, answer.will_close) == (200, True, False)
            assert program.stop(by) == 0
            idle.close()
            assert "plugins: ships, users, auth" in program.said
            assert "store: memory: - all changes are lost at shutdown" in program.said
            assert program.said.rstrip().endswith("stopped")
            assert "Traceback" not in program.said


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_in_use_is_told_in_one_line(
    taken_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_HOST", "127.0.0.1")
    monkeypatch.setenv("SHIPYARD_PORT", str(taken_port))
    assert main(["run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"127.0.0.1', {taken_port}" in line
    assert "address already in use" in line


def test_a_durable_store_is_named_and_forgets_nothing(
    taken_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("SHIPYARD_HOST", "127.0.0.1")
    monkeypatch.setenv("SHIPYARD_PORT", str(taken_port))
    monkeypatch.setenv("SHIPYARD_STORE", f"sqlite:///{tmp_path}/shipyard.db")
    assert main(["run"]) == 1
    assert f"store: sqlite:///{tmp_path}/shipyard.db" in caplog.messages


def test_a_host_that_is_not_known_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_HOST", "no such host")
    monkeypatch.setenv("SHIPYARD_PORT", "0")
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no such host" in line


@pytest.mark.parametrize("command", [[], ["run"], ["routes"], ["plugins"]])
def test_wrong_settings_end_every_command_with_all_that_is_wrong(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_PORT", "many")
    monkeypatch.setenv("SHIPYARD_PROT", "5000")
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "The settings are wrong:" in err
    assert sorted(err.splitlines()[1:]) == [
        "SHIPYARD_PORT: port: Not a valid integer.",
        "SHIPYARD_PROT: There is no such setting. Is SHIPYARD_PORT meant?",
    ]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"SHIPYARD_DATA": "no such file"}, "no such file: cannot be read: No such file or directory"),
        ({"SHIPYARD_STORE": "redis://localhost"}, "Unknown store URL scheme 'redis': expected memory:, "),
        ({"SHIPYARD_WORKERS": "2"}, "workers = 2 wants a store that processes can share, not memory:."),
        ({"SHIPYARD_CONFIG": "staging"}, "There is no configuration 'staging' in "),
        ({"SHIPYARD_CONFIG": "production", "SHIPYARD_JWT_SECRET": "short"}, "jwt.secret has 5 bytes; production wants"),
        ({"SHIPYARD_PLUGINS_ENABLED": "auth"}, "plugin 'auth' requires 'users', which is not loaded"),
    ],
)
def test_what_stops_the_start_is_told_in_one_line(
    variables: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_PORT", "0")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


def test_a_plugin_that_cannot_open_stops_the_start(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("planets", "routes = []\nasync def lifespan(app):\n    raise SystemExit(0)\n    yield\n")
    monkeypatch.setenv("SHIPYARD_PORT", "0")
    assert main(["run"]) == 1
    assert "plugin 'planets' cannot start: SystemExit: 0" in capsys.readouterr().err


def test_ctrl_c_while_plugins_are_read_ends_it(install: Install) -> None:
    install("planets", "raise KeyboardInterrupt")
    assert main(["plugins"]) == 130


def test_an_unknown_command_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve"])
    assert caught.value.code == 2
    err = capsys.readouterr().err
    for command in ("run", "routes", "plugins"):
        assert command in err


def table(command: str, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The table that a command prints: its head, and its lines."""
    assert main([command]) == 0
    head, rule, *lines = capsys.readouterr().out.splitlines()
    widths = [len(part) for part in rule.split()]
    assert set(rule) == {"-", " "}
    starts = [sum(widths[:column]) + 2 * column for column in range(len(widths))]
    ends = [start + width for start, width in zip(starts, widths, strict=True)]
    return [[line[start:end].rstrip() for start, end in zip(starts, ends, strict=True)] for line in (head, *lines)]


def test_the_table_of_routes_says_who_may_use_each_and_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = table("routes", capsys)
    assert head == ["Method", "Path", "Access", "Plugin", "Name"]
    assert ["GET", "/api/ships", "public", "ships", "ships.list"] in lines
    assert ["DELETE", "/api/users/{id}", "owner", "users", "users.remove"] in lines
    assert ["POST", "/auth/refresh", "refresh", "auth", "auth.renew"] in lines
    assert [line[:2] for line in lines] == sorted((line[:2] for line in lines), key=lambda it: (it[1], it[0]))
    assert all(all(line) for line in lines)


def test_the_table_of_routes_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {(line[0], line[1]) for line in table("routes", capsys)[1:]}
    routes = create_app(settings_for_tests()).router.routes()
    there = {(it.method, template(it.resource.canonical)) for it in routes if it.resource is not None}
    assert shown == {(method, path) for method, path in there if method != "HEAD"}


def test_the_table_of_plugins_says_where_each_is_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert table("plugins", capsys) == [
        ["Plugin", "Module", "From", "Requires", "Routes"],
        ["ships", "plugins.ships", f"shipyard {version('shipyard')}", "-", "6"],
        ["users", "plugins.users", f"shipyard {version('shipyard')}", "-", "6"],
        ["auth", "plugins.auth", f"shipyard {version('shipyard')}", "users", "4"],
    ]
