"""Settings: which source takes precedence, and the error messages for wrong values."""

from __future__ import annotations

import dataclasses
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.errors import StartupError
from service.settings.environment import environment_variable
from service.settings.loader import load_settings
from service.settings.schema import ROOT, Settings, all_settings

FOLDER = ROOT / "config"
OPTIONAL = {"plugins.enabled", "plugins.allow"}
"""Settings without a default value: left out, they mean all or any."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project's configurations."""
    return Path(shutil.copytree(FOLDER, tmp_path / "config"))


@pytest.fixture
def add(folder: Path) -> Callable[..., None]:
    """`add(name, text)`: write a configuration."""

    def write(name: str, text: str) -> None:
        (folder / f"{name}.toml").write_text(text)

    return write


def errors_of(*arguments: Any, **options: Any) -> list[str]:
    """Return the error messages for settings, one per line."""
    with pytest.raises(StartupError) as caught:
        load_settings(*arguments, **options)
    first, *lines = str(caught.value).splitlines()
    assert first == "The settings are invalid:"
    return lines


@pytest.mark.parametrize("name", ["development", "production"])
def test_the_configurations_of_the_project_are_valid(name: str) -> None:
    assert load_settings(name, {}).production is (name == "production")


def test_development_is_the_default_configuration() -> None:
    assert load_settings(None, {}) == load_settings("development", {})
    assert load_settings(None, {"SHIPYARD_CONFIG": ""}) == load_settings("development", {})
    assert load_settings(None, {"SHIPYARD_CONFIG": "production"}) == load_settings("production", {})


def test_a_configuration_overrides_the_defaults_variables_override_it_and_the_call_overrides_all(
    folder: Path, add: Callable[..., None]
) -> None:
    add("mine", "port = 1001\nhost = 'mine'\n[jwt]\nissuer = 'mine'\naudience = 'mine'\naccess_seconds = 1\n")
    environ = {"SHIPYARD_HOST": "env", "SHIPYARD_JWT_AUDIENCE": "env", "SHIPYARD_JWT_ACCESS_SECONDS": "2"}
    settings = load_settings("mine", environ, folder, jwt={"access_seconds": 3})
    assert (settings.data, settings.port, settings.host) == ("data.json", 1001, "env")
    jwt = settings.jwt
    assert (jwt.algorithm, jwt.issuer, jwt.audience, jwt.access_seconds) == ("HS256", "mine", "env", 3)


def test_variables_are_converted_to_the_type_of_their_setting() -> None:
    environ = {
        "SHIPYARD_PORT": "0",
        "SHIPYARD_ACCESS_LOG": "false",
        "SHIPYARD_LIMITS_BODY_SECONDS": "2.5",
        "SHIPYARD_CORS_ORIGINS": "https://one.example, http://two.example:8080,",
        "SHIPYARD_PLUGINS_ENABLED": "users, ships",
        "SHIPYARD_PLUGINS_ALLOW": "",
    }
    settings = load_settings("development", environ)
    assert (settings.port, settings.access_log, settings.limits.body_seconds) == (0, False, 2.5)
    assert settings.cors.origins == ["https://one.example", "http://two.example:8080"]
    assert (settings.plugins.enabled, settings.plugins.allow) == (["users", "ships"], [])


def test_variables_of_other_programs_and_of_the_test_suite_are_ignored() -> None:
    environ = {"PORT": "x", "SHIPYARDS_PORT": "x", "SHIPYARD_TEST_POSTGRES": "postgresql://..."}
    assert load_settings("development", environ) == load_settings("development", {})


def test_all_errors_are_reported_at_once_with_source_key_and_value(folder: Path, add: Callable[..., None]) -> None:
    add(
        "mine",
        """
        port = "many"
        colour = "red"
        [jwt]
        algorithm = "none"
        sekret = "x"
        [limits]
        in_flight = 0
        [plugins]
        enabeld = ["users"]
        enabled = "users"
        """,
    )
    environ = {"SHIPYARD_WORKERS": "1.5", "SHIPYARD_JWT_SECRETS": "x", "SHIPYARD_CONFIGURATION": "production"}
    assert sorted(errors_of("mine", environ, folder, cors={"origins": ["*"]})) == [
        "SHIPYARD_CONFIGURATION: There is no such setting. Did you mean SHIPYARD_CONFIG?",
        "SHIPYARD_JWT_SECRETS: There is no such setting. Did you mean SHIPYARD_JWT_SECRET?",
        "SHIPYARD_WORKERS: workers = '1.5': Not a valid integer.",
        "config/mine.toml: colour: Unknown key.",
        "config/mine.toml: jwt.algorithm = 'none': Must be one of: HS256, EdDSA.",
        "config/mine.toml: jwt.sekret: Unknown key. Did you mean jwt.secret?",
        "config/mine.toml: limits.in_flight = 0: Must be greater than or equal to 1 and less than or equal to 1000000.",
        "config/mine.toml: plugins.enabeld: Unknown key. Did you mean plugins.enabled?",
        "config/mine.toml: plugins.enabled = 'users': Not a valid list.",
        "config/mine.toml: port = 'many': Not a valid integer.",
        "the call: cors.origins = ['*']: 0: Not an origin: scheme://host[:port], without path or *.",
    ]


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("SHIPYARD_PORT", ["", "-1", "65536", "5000.0", "0x10"]),
        ("SHIPYARD_ACCESS_LOG", ["", "perhaps", "2"]),
        ("SHIPYARD_HOST", [""]),
        ("SHIPYARD_PUBLIC_URL", ["example.org", "ftp://example.org", "https://example.org/", "//example.org"]),
        ("SHIPYARD_LIMITS_BODY_SECONDS", ["0", "nan", "inf", "-1", "soon"]),
        ("SHIPYARD_JWT_REFRESH_SECONDS", ["0", "1e3", "99999999999"]),
        ("SHIPYARD_CORS_ORIGINS", ["*", "null", "https://one.example/", "https://*.example", "one.example"]),
        ("SHIPYARD_PLUGINS_ON_ERROR", ["", "ignore", "STOP"]),
    ],
)
def test_the_error_for_a_wrong_value_contains_the_variable_the_key_and_the_value(
    variable: str, values: list[str]
) -> None:
    key = next(setting.key for setting in all_settings() if environment_variable(setting.key) == variable)
    for value in values:
        (line,) = errors_of("development", {variable: value})
        shown = [value] if key == "cors.origins" else value
        assert line.startswith(f"{variable}: {key} = {shown!r}: ")


def test_the_error_for_a_long_value_contains_its_beginning() -> None:
    (line,) = errors_of("development", {"SHIPYARD_PORT": "9" * 1000})
    assert line.startswith(f"SHIPYARD_PORT: port = '{'9' * 79}...: ")


@pytest.mark.parametrize(
    ("environ", "changes"),
    [
        ({"SHIPYARD_JWT_SECRET": "canary\udcff"}, {}),
        ({"SHIPYARD_STORE": "postgresql://user:canary\udcff@host/db"}, {}),
        ({}, {"jwt": {"secret": ["canary"]}}),
        ({}, {"jwt": {"old_secrets": "canary"}}),
        ({}, {"jwt": {"old_secrets": ["canary", 5]}}),
        ({}, {"store": ["postgresql://user:canary@host/db"]}),
        ({}, {"jwt": {"sekret": "canary"}}),
        ({"SHIPYARD_JWT_SECRETT": "canary"}, {}),
    ],
)
def test_an_error_never_contains_a_secret(environ: dict[str, str], changes: dict[str, Any]) -> None:
    (line,) = errors_of("development", environ, **changes)
    assert line.startswith(("SHIPYARD_", "the call: "))
    assert "canary" not in line


def test_an_error_does_not_contain_a_value_that_was_read_from_a_file(secret_file: Path) -> None:
    secret_file.write_text("canary")
    line = "SHIPYARD_PORT_FILE: port: Not a valid integer."
    assert errors_of("development", {"SHIPYARD_PORT_FILE": str(secret_file)}) == [line]


@pytest.mark.parametrize("value", [True, 1.5, "1.5", [1], None])
def test_an_integer_setting_rejects_other_types(value: Any) -> None:
    assert errors_of("development", {}, port=value)


def test_a_section_must_be_a_table_and_a_value_must_not() -> None:
    assert errors_of("development", {}, jwt=5) == ["the call: jwt: Unknown key."]
    assert errors_of("development", {}, port={"a": 1}) == ["the call: port.a: Unknown key. Did you mean port?"]


def test_the_error_for_a_missing_configuration_lists_those_that_exist() -> None:
    for name in ("prod", "defaults", "../config/production", "production.toml"):
        with pytest.raises(
            StartupError, match=r"There is no configuration .*: choose one of development, production\.$"
        ):
            load_settings(name, {})


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2", "\xff"])
def test_the_error_for_an_invalid_toml_file_contains_its_name(folder: Path, text: str) -> None:
    (folder / "mine.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(StartupError, match=r"^config/mine\.toml: cannot be read as TOML: "):
        load_settings("mine", {}, folder)


def test_the_error_for_a_missing_default_contains_its_key(folder: Path) -> None:
    path = folder / "defaults.toml"
    path.write_text(re.sub(r"(?m)^(port|issuer) .*\n", "", path.read_text()))
    assert errors_of("development", {}, folder) == [
        "config/defaults.toml: port: Missing.",
        "config/defaults.toml: jwt.issuer: Missing.",
    ]


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("sqlite:///records.db\n")
    path.chmod(0o600)
    return path


def test_every_setting_can_be_read_from_a_file(secret_file: Path) -> None:
    assert load_settings("development", {"SHIPYARD_STORE_FILE": str(secret_file)}).store == "sqlite:///records.db"
    secret_file.write_text("one,two\n")
    assert load_settings("development", {"SHIPYARD_JWT_OLD_SECRETS_FILE": str(secret_file)}).jwt.old_secrets == [
        "one",
        "two",
    ]


def test_the_relative_path_of_a_file_starts_at_the_project(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(secret_file.parent)
    (line,) = errors_of("development", {"SHIPYARD_STORE_FILE": "secret"})
    assert line.startswith(f"SHIPYARD_STORE_FILE: {ROOT / 'secret'} cannot be read: ")
    monkeypatch.setattr("service.settings.environment.ROOT", secret_file.parent)
    assert load_settings("development", {"SHIPYARD_STORE_FILE": "secret"}).store == "sqlite:///records.db"


@pytest.mark.parametrize("variable", ["SHIPYARD_STORE", "SHIPYARD_JWT_SECRET"])
def test_a_variable_and_a_file_for_the_same_setting_are_an_error(secret_file: Path, variable: str) -> None:
    environ = {variable: "memory:", f"{variable}_FILE": str(secret_file)}
    assert errors_of("development", environ) == [f"{variable}_FILE: {variable} is set too; set only one of them."]


def test_a_file_that_other_users_can_read_is_an_error(secret_file: Path) -> None:
    secret_file.chmod(0o640)
    assert errors_of("development", {"SHIPYARD_STORE_FILE": str(secret_file)}) == [
        f"SHIPYARD_STORE_FILE: other users can read {secret_file}; run: chmod 600 {secret_file}"
    ]


def test_the_error_for_an_unreadable_file_contains_its_path_and_not_its_content(
    secret_file: Path, tmp_path: Path
) -> None:
    secret_file.write_bytes(b"canary\xff")
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    for path in (secret_file, folder, tmp_path / "nowhere"):
        (line,) = errors_of("development", {"SHIPYARD_STORE_FILE": str(path)})
        assert line.startswith(f"SHIPYARD_STORE_FILE: {path} cannot be read: ")
        assert "canary" not in line


def test_the_tables_of_plugins_are_merged_in_the_same_order(folder: Path, add: Callable[..., None]) -> None:
    with (folder / "defaults.toml").open("a") as file:
        file.write("[plugins.planets]\nfar = 1\nnear = 1\n[plugins.moons]\nfar = 1\n")
    add("mine", "[plugins.planets]\nnear = 2\n[plugins.stars]\nfar = { how = 3 }\n")
    settings = load_settings("mine", {}, folder, plugins={"moons": {"far": 4}, "enabled": ["moons"]})
    assert settings.plugins.sections == {
        "planets": {"far": 1, "near": 2},
        "moons": {"far": 4},
        "stars": {"far": {"how": 3}},
    }
    assert settings.plugins.enabled == ["moons"]


def test_no_repr_contains_a_secret() -> None:
    settings = load_settings(
        "development",
        {"SHIPYARD_STORE": "postgresql://user:canary@host/db", "SHIPYARD_JWT_OLD_SECRETS": "canary"},
        jwt={"secret": "canary"},
        plugins={"planets": {"password": "canary"}},
    )
    assert settings.plugins.sections["planets"] == {"password": "canary"}
    assert "canary" not in repr(settings)


def test_settings_are_frozen() -> None:
    settings = load_settings("development", {})
    for part, name in ((settings, "port"), (settings.jwt, "secret"), (settings.plugins, "enabled")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, name, "other")


def flat(table: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file by dotted key."""
    parts = {key: value for key, value in table.items() if not isinstance(value, dict)}
    return parts | {
        f"{name}.{key}": it for name, part in table.items() if isinstance(part, dict) for key, it in part.items()
    }


def test_defaults_toml_contains_every_setting() -> None:
    text = (FOLDER / "defaults.toml").read_text("utf-8")
    keys = {setting.key for setting in all_settings()}
    assert flat(tomllib.loads(text)).keys() == keys - OPTIONAL
    for key in OPTIONAL:
        assert re.search(rf"(?m)^# {key.rpartition('.')[2]} = ", text)


def test_no_two_settings_share_a_variable() -> None:
    variables = [environment_variable(setting.key) for setting in all_settings()]
    assert len(set(variables)) == len(variables) == len(flat(dataclasses.asdict(load_settings("development", {})))) - 1
    assert isinstance(load_settings("development", {}), Settings)
