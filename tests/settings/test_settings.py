"""Settings: which value wins, and what is said of a wrong one."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.errors import StartupError
from service.settings.loader import all_settings, environment_variable, load_settings
from service.settings.schema import ROOT, Settings

FOLDER = ROOT / "config"
README = (ROOT / "README.md").read_text("utf-8")
OPTIONAL = {"plugins.enabled", "plugins.allow"}
"""What may be left out, and is: then it means all, any."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The project's configurations, to be added to."""
    return Path(shutil.copytree(FOLDER, tmp_path / "config"))


@pytest.fixture
def add(folder: Path) -> Callable[..., None]:
    """`add(name, text)`: write a configuration of this text."""

    def write(name: str, text: str) -> None:
        (folder / f"{name}.toml").write_text(text)

    return write


def wrong(*arguments: Any, **options: Any) -> list[str]:
    """What is said of settings, line by line."""
    with pytest.raises(StartupError) as caught:
        load_settings(*arguments, **options)
    first, *lines = str(caught.value).splitlines()
    assert first == "The settings are wrong:"
    return lines


@pytest.mark.parametrize("name", ["development", "production"])
def test_the_projects_own_configurations_can_be_read(name: str) -> None:
    assert load_settings(name, {}).production is (name == "production")


def test_development_is_what_is_read_where_nothing_is_said() -> None:
    assert load_settings(None, {}) == load_settings("development", {})
    assert load_settings(None, {"SHIPYARD_CONFIG": ""}) == load_settings("development", {})
    assert load_settings(None, {"SHIPYARD_CONFIG": "production"}) == load_settings("production", {})


def test_a_configuration_lies_over_the_defaults_then_come_variables_then_the_call(
    folder: Path, add: Callable[..., None]
) -> None:
    add("mine", "port = 1001\nhost = 'mine'\n[jwt]\nissuer = 'mine'\naudience = 'mine'\naccess_seconds = 1\n")
    environ = {"SHIPYARD_HOST": "env", "SHIPYARD_JWT_AUDIENCE": "env", "SHIPYARD_JWT_ACCESS_SECONDS": "2"}
    settings = load_settings("mine", environ, folder, jwt={"access_seconds": 3})
    assert (settings.data, settings.port, settings.host) == ("data.json", 1001, "env")
    jwt = settings.jwt
    assert (jwt.algorithm, jwt.issuer, jwt.audience, jwt.access_seconds) == ("HS256", "mine", "env", 3)


def test_variables_are_read_by_the_type_of_their_setting() -> None:
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


def test_other_programs_variables_and_those_for_the_tests_are_left_alone() -> None:
    environ = {"PORT": "x", "SHIPYARDS_PORT": "x", "SHIPYARD_TEST_POSTGRES": "postgresql://..."}
    assert load_settings("development", environ) == load_settings("development", {})


def test_everything_that_is_wrong_is_said_at_once_with_its_place(folder: Path, add: Callable[..., None]) -> None:
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
    assert sorted(wrong("mine", environ, folder, cors={"origins": ["*"]})) == [
        "SHIPYARD_CONFIGURATION: There is no such setting. Is SHIPYARD_CONFIG meant?",
        "SHIPYARD_JWT_SECRETS: There is no such setting. Is SHIPYARD_JWT_SECRET meant?",
        "SHIPYARD_WORKERS: workers: Not a valid integer.",
        "config/mine.toml: colour: Unknown key.",
        "config/mine.toml: jwt.algorithm: Must be one of: HS256, EdDSA.",
        "config/mine.toml: jwt.sekret: Unknown key. Is jwt.secret meant?",
        "config/mine.toml: limits.in_flight: Must be greater than or equal to 1 and less than or equal to 1000000.",
        "config/mine.toml: plugins.enabeld: Unknown key. Is plugins.enabled meant?",
        "config/mine.toml: plugins.enabled: Not a valid list.",
        "config/mine.toml: port: Not a valid integer.",
        "the call: cors.origins: 0: Not an origin: scheme://host[:port], without path or *.",
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
        ("SHIPYARD_JWT_SECRET", ["not\udcffutf-8"]),
    ],
)
def test_a_value_out_of_range_names_its_variable_and_never_shows_the_value(variable: str, values: list[str]) -> None:
    for value in values:
        (line,) = wrong("development", {variable: value})
        assert line.startswith(f"{variable}: ")
        assert len(value) < 4 or value not in line


@pytest.mark.parametrize("value", [True, 1.5, "1.5", [1], None])
def test_a_whole_number_is_one(value: Any) -> None:
    assert wrong("development", {}, port=value)


def test_a_section_is_a_table_and_a_value_is_none() -> None:
    assert wrong("development", {}, jwt=5) == ["the call: jwt: Unknown key."]
    assert wrong("development", {}, port={"a": 1}) == ["the call: port.a: Unknown key. Is port meant?"]


def test_a_configuration_that_is_not_there_names_those_that_are() -> None:
    for name in ("prod", "defaults", "../config/production", "production.toml"):
        with pytest.raises(
            StartupError, match=r"There is no configuration .*: choose one of development, production\.$"
        ):
            load_settings(name, {})


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2", "\xff"])
def test_a_file_that_is_no_toml_is_named(folder: Path, text: str) -> None:
    (folder / "mine.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(StartupError, match=r"^config/mine\.toml: cannot be read as TOML: "):
        load_settings("mine", {}, folder)


def test_a_default_that_is_missing_is_named(folder: Path) -> None:
    path = folder / "defaults.toml"
    path.write_text(re.sub(r"(?m)^(port|issuer) .*\n", "", path.read_text()))
    assert wrong("development", {}, folder) == [
        "config/defaults.toml: port: Missing.",
        "config/defaults.toml: jwt.issuer: Missing.",
    ]


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("sqlite:///kept.db\n")
    path.chmod(0o600)
    return path


def test_every_setting_can_be_read_from_a_file(secret_file: Path) -> None:
    assert load_settings("development", {"SHIPYARD_STORE_FILE": str(secret_file)}).store == "sqlite:///kept.db"
    secret_file.write_text("one,two\n")
    assert load_settings("development", {"SHIPYARD_JWT_OLD_SECRETS_FILE": str(secret_file)}).jwt.old_secrets == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("variable", ["SHIPYARD_STORE", "SHIPYARD_JWT_SECRET"])
def test_a_variable_and_a_file_for_one_setting_are_one_too_many(secret_file: Path, variable: str) -> None:
    environ = {variable: "memory:", f"{variable}_FILE": str(secret_file)}
    assert wrong("development", environ) == [f"{variable}_FILE: {variable} is set too; set one of them."]


def test_a_file_that_others_may_read_is_no_secret(secret_file: Path) -> None:
    secret_file.chmod(0o640)
    assert wrong("development", {"SHIPYARD_STORE_FILE": str(secret_file)}) == [
        f"SHIPYARD_STORE_FILE: others may read {secret_file}; run: chmod 600 {secret_file}"
    ]


def test_a_file_that_cannot_be_read_is_named_and_its_content_is_not(secret_file: Path, tmp_path: Path) -> None:
    secret_file.write_bytes(b"canary\xff")
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    for path in (secret_file, folder, tmp_path / "nowhere"):
        (line,) = wrong("development", {"SHIPYARD_STORE_FILE": str(path)})
        assert line.startswith(f"SHIPYARD_STORE_FILE: {path} cannot be read: ")
        assert "canary" not in line


def test_plugins_have_sections_that_lie_over_each_other_like_all_others(folder: Path, add: Callable[..., None]) -> None:
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


def test_no_secret_shows_in_a_repr() -> None:
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
    """A file's values by dotted key."""
    parts = {key: value for key, value in table.items() if not isinstance(value, dict)}
    return parts | {
        f"{name}.{key}": it for name, part in table.items() if isinstance(part, dict) for key, it in part.items()
    }


def test_the_file_of_defaults_holds_every_setting_and_says_what_it_is_for() -> None:
    text = (FOLDER / "defaults.toml").read_text("utf-8")
    keys = {key for key, _ in all_settings()}
    assert flat(tomllib.loads(text)).keys() == keys - OPTIONAL
    for key in OPTIONAL:
        assert re.search(rf"(?m)^# {key.rpartition('.')[2]} = ", text)


def test_the_readme_lists_every_setting_with_its_variable_and_its_default() -> None:
    rows = re.findall(r"(?m)^\| `([\w.]+)` \| `(\w+)` \| (.*?) \| (?=\S)", README)
    assert [row[:2] for row in rows] == [(key, environment_variable(key)) for key, _ in all_settings()]
    defaults = flat(tomllib.loads((FOLDER / "defaults.toml").read_text("utf-8")))
    told = {key: default for key, _, default in rows if key not in OPTIONAL}
    assert told == {key: f"`{json.dumps(value)}`" for key, value in defaults.items()}


def test_all_settings_have_different_variables() -> None:
    variables = [environment_variable(key) for key, _ in all_settings()]
    assert len(set(variables)) == len(variables) == len(flat(dataclasses.asdict(load_settings("development", {})))) - 1
    assert isinstance(load_settings("development", {}), Settings)
