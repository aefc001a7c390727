"""The command line: its log, its errors and exit status, and the tables it prints."""

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
from service.http.path_template import plain
from service.testing import SECRET, settings_for_tests
from tests.support.program import Program

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signing key, so that none is created."""
    monkeypatch.setenv("SHIPYARD_JWT_SECRET", SECRET)


def test_run_logs_its_address_plugins_and_store_and_stops_cleanly_on_either_signal() -> None:
    # With so long a timeout, waiting for an idle connection would never end.
    long_timeout = {"SHIPYARD_LIMITS_STOP_SECONDS": "3600"}
    with Program(**long_timeout) as first, Program("run", **long_timeout) as second:
        for program, by in ((first, signal.SIGINT), (second, signal.SIGTERM)):
            idle = http.client.HTTPConnection("127.0.0.1", program.port())
            idle.request("GET", "/api/ships/1")
            response = idle.getresponse()
            assert (response.status, len(response.read()) > 0, response.will_close) == (200, True, False)
            assert program.stop(by) == 0
            idle.close()
            assert "plugins: ships, users, auth" in program.log
            assert "store: memory: - all changes are lost at shutdown" in program.log
            assert program.log.rstrip().endswith("stopped")
            assert "Traceback" not in program.log


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_in_use_is_reported_in_one_line(
    used_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_HOST", "127.0.0.1")
    monkeypatch.setenv("SHIPYARD_PORT", str(used_port))
    assert main(["run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"127.0.0.1', {used_port}" in line
    assert "address already in use" in line


def test_the_log_contains_the_url_of_a_durable_store(
    used_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("SHIPYARD_HOST", "127.0.0.1")
    monkeypatch.setenv("SHIPYARD_PORT", str(used_port))
    monkeypatch.setenv("SHIPYARD_STORE", f"sqlite:///{tmp_path}/shipyard.db")
    assert main(["run"]) == 1
    assert f"store: sqlite:///{tmp_path}/shipyard.db" in caplog.messages


def test_an_unknown_host_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_HOST", "no such host")
    monkeypatch.setenv("SHIPYARD_PORT", "0")
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no such host" in line


@pytest.mark.parametrize("command", [[], ["run"], ["routes"], ["plugins"]])
def test_every_command_reports_all_errors_of_the_settings(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_PORT", "many")
    monkeypatch.setenv("SHIPYARD_PROT", "5000")
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, *lines = err.splitlines()
    assert first == "shipyard: error: The settings are invalid:"
    assert sorted(lines) == [
        "SHIPYARD_PORT: port = 'many': Not a valid integer.",
        "SHIPYARD_PROT: There is no such setting. Did you mean SHIPYARD_PORT?",
    ]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"SHIPYARD_DATA": "no such file"}, "no such file: cannot be read: No such file or directory"),
        ({"SHIPYARD_STORE": "redis://localhost"}, "Unknown store URL scheme 'redis': expected memory:, "),
        (
            {"SHIPYARD_WORKERS": "2"},
            "workers = 2 requires a store that processes can share, SQLite or PostgreSQL, not memory:.",
        ),
        ({"SHIPYARD_CONFIG": "staging"}, "There is no configuration 'staging' in "),
        (
            {"SHIPYARD_CONFIG": "production", "SHIPYARD_JWT_SECRET": "short"},
            "jwt.secret has 5 bytes; production requires",
        ),
        ({"SHIPYARD_PLUGINS_ENABLED": "auth"}, "plugin 'auth' requires 'users', which is not enabled: add"),
    ],
)
def test_what_stops_the_start_is_reported_in_one_line(
    variables: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIPYARD_PORT", "0")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["run"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


def test_a_plugin_that_cannot_start_is_reported_with_the_place_in_its_code(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("planets", "routes = []\nasync def lifespan(app):\n    raise SystemExit(0)\n    yield\n")
    monkeypatch.setenv("SHIPYARD_PORT", "0")
    assert main(["run"]) == 1
    assert "plugin 'planets' cannot start: SystemExit: 0 (planets.py, line 3)." in capsys.readouterr().err


def test_ctrl_c_while_plugins_are_imported_ends_the_command(install: Install) -> None:
    install("planets", "raise KeyboardInterrupt")
    assert main(["plugins"]) == 130


def test_the_error_for_an_unknown_command_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve"])
    assert caught.value.code == 2
    err = capsys.readouterr().err
    for command in ("run", "routes", "plugins", "dump", "load"):
        assert command in err


def table(command: str, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return the cells of the table that a command prints, line by line."""
    assert main([command]) == 0
    head, rule, *lines = capsys.readouterr().out.splitlines()
    widths = [len(part) for part in rule.split()]
    assert set(rule) == {"-", " "}
    starts = [sum(widths[:column]) + 2 * column for column in range(len(widths))]
    ends = [start + width for start, width in zip(starts, widths, strict=True)]
    return [[line[start:end].rstrip() for start, end in zip(starts, ends, strict=True)] for line in (head, *lines)]


def test_the_table_of_routes_contains_access_rules_and_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = table("routes", capsys)
    assert head == ["Method", "Path", "Access", "Plugin", "Name"]
    assert ["GET", "/api/ships", "public", "ships", "ships.list"] in lines
    assert ["DELETE", "/api/users/{id}", "owner", "users", "users.remove"] in lines
    assert ["POST", "/auth/refresh", "refresh", "auth", "auth.renew"] in lines
    assert [line[:2] for line in lines] == sorted((line[:2] for line in lines), key=lambda it: (it[1], it[0]))
    assert all(all(line) for line in lines)


def test_the_table_of_routes_contains_every_route(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {(line[0], line[1]) for line in table("routes", capsys)[1:]}
    routes = create_app(settings_for_tests()).router.routes()
    registered = {(it.method, plain(it.resource.canonical)) for it in routes if it.resource is not None}
    assert shown == {(method, path) for method, path in registered if method != "HEAD"}


def test_the_table_of_routes_is_printed_without_the_api_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def document(*_: object, **__: object) -> None:
        pytest.fail("it is not needed")

    monkeypatch.setattr("service.app.document", document)
    assert main(["routes"]) == 0


def test_the_table_of_plugins_contains_their_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert table("plugins", capsys) == [
        ["Plugin", "Module", "From", "Requires", "Routes"],
        ["ships", "plugins.ships", f"shipyard {version('shipyard')}", "-", "6"],
        ["users", "plugins.users", f"shipyard {version('shipyard')}", "-", "6"],
        ["auth", "plugins.auth", f"shipyard {version('shipyard')}", "users", "4"],
    ]
