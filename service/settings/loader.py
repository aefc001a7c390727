"""Reads the settings: config/defaults.toml, under config/<name>.toml, under the environment's SHIPYARD_*."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields

from service.errors import StartupError
from service.settings.schema import ROOT, Settings

PREFIX = "SHIPYARD_"
CONFIG = "SHIPYARD_CONFIG"
"""The variable that chooses the configuration."""
TESTS = "SHIPYARD_TEST_"
"""Variables that begin so are for the tests."""

Sections = dict[str, dict[str, Any]]


class Given(NamedTuple):
    """A value, and the file or the variable that gives it."""

    value: Any
    source: str


def load_settings(
    name: str | None = None, environ: Mapping[str, str] | None = None, folder: Path = ROOT / "config", **changes: Any
) -> Settings:
    """The settings of the configuration `name` (else SHIPYARD_CONFIG, else development).

    changes: values that beat all others, a section's as `jwt={"access_seconds": 5}`.
    Raises StartupError that names every bad key: where it stands, what is wrong with it.
    """
    environ = os.environ if environ is None else environ
    name = name or environ.get(CONFIG) or "development"
    given: dict[str, Given] = {}
    sections: Sections = {}
    wrong: list[str] = []
    for path in (folder / "defaults.toml", _chosen(folder, name)):
        given |= _flat(_table(path), f"{path.parent.name}/{path.name}", sections)
    given |= _variables(environ, wrong)
    given |= _flat(changes, "the call", sections)
    return _settings(given, sections, wrong)


def all_settings(settings: type[Any] = Settings, prefix: str = "") -> Iterator[tuple[str, fields.Field[Any]]]:
    """Every setting there is: its dotted key, and the field that reads it."""
    for item in dataclasses.fields(settings):
        if (part := item.metadata.get("section")) is not None:
            yield from all_settings(part, f"{item.name}.")
        elif (field := item.metadata.get("field")) is not None:
            yield prefix + item.name, field


def environment_variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def _chosen(folder: Path, name: str) -> Path:
    there = sorted(path.stem for path in folder.glob("*.toml") if path.stem != "defaults")
    if name not in there:
        raise StartupError(f"There is no configuration {name!r} in {folder}: choose one of {', '.join(there)}.")
    return folder / f"{name}.toml"


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StartupError(f"{path.parent.name}/{path.name}: cannot be read as TOML: {error}") from error


def _flat(table: Mapping[str, Any], source: str, sections: Sections) -> dict[str, Given]:
    """The values by dotted key. Plugins' own tables are laid over their `sections`."""
    flat: dict[str, Given] = {}
    keys = dict(all_settings())
    for key, value in table.items():
        if not isinstance(value, Mapping):
            flat[key] = Given(value, source)
            continue
        for inner, part in value.items():
            if key == "plugins" and isinstance(part, Mapping) and f"plugins.{inner}" not in keys:
                sections[inner] = {**sections.get(inner, {}), **part}
            else:
                flat[f"{key}.{inner}"] = Given(part, source)
    return flat


def _variables(environ: Mapping[str, str], wrong: list[str]) -> dict[str, Given]:
    keys = {environment_variable(key): (key, field) for key, field in all_settings()}
    given: dict[str, Given] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == CONFIG or name.startswith(TESTS):
            continue
        plain = name.removesuffix("_FILE")
        if plain != name and plain in environ:
            wrong.append(f"{name}: {plain} is set too; set one of them.")
        if name not in keys and plain not in keys:
            near = difflib.get_close_matches(name, [*keys, CONFIG], n=1)
            wrong.append(f"{name}: There is no such setting." + (f" Is {near[0]} meant?" if near else ""))
            continue
        key, field = keys.get(name) or keys[plain]
        try:
            text = _utf8(value) if name in keys else _content(value)
        except ValidationError as error:
            wrong.append(f"{name}: {_sentence(error.messages)}")
        else:
            given[key] = Given(_items(text) if isinstance(field, fields.List) else text, name)
    return given


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _utf8(value: str) -> str:
    """The value of a variable, which may hold any bytes. Raises ValidationError."""
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValidationError("Not UTF-8.")
    return value


def _content(path: str) -> str:
    """What the file named by a SHIPYARD_..._FILE holds, without the newline at its end. Raises ValidationError."""
    try:
        if Path(path).stat().st_mode & 0o077:
            raise ValidationError(f"others may read {path}; run: chmod 600 {path}")
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"{path} cannot be read: {error}") from error


def _settings(given: Mapping[str, Given], sections: Sections, wrong: list[str]) -> Settings:
    keys = dict(all_settings())
    values: dict[str, Any] = {"plugins.enabled": None, "plugins.allow": None, "plugins.sections": sections}
    for key, (value, source) in given.items():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            wrong.append(f"{source}: {key}: Unknown key." + (f" Is {near[0]} meant?" if near else ""))
            continue
        try:
            values[key] = keys[key].deserialize(value)
        except ValidationError as error:
            wrong.append(f"{source}: {key}: {_sentence(error.messages)}")
    wrong += [f"config/defaults.toml: {key}: Missing." for key in keys if key not in values and key not in given]
    if wrong:
        raise StartupError("\n".join(["The settings are wrong:", *wrong]))
    settings: Settings = _build(Settings, values, "")
    return settings


def _sentence(messages: Any) -> str:
    if isinstance(messages, dict):
        return " ".join(f"{key}: {_sentence(value)}" for key, value in messages.items())
    return " ".join(str(message) for message in messages) if isinstance(messages, list) else str(messages)


def _build(settings: type[Any], values: Mapping[str, Any], prefix: str) -> Any:
    parts = {}
    for item in dataclasses.fields(settings):
        part = item.metadata.get("section")
        parts[item.name] = values[prefix + item.name] if part is None else _build(part, values, f"{item.name}.")
    return settings(**parts)
