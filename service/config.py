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

from service.errors import StartError
from service.settings import ROOT, PluginSettings, Settings

PREFIX = "SHIPYARD_"
OUTSIDE = ("SHIPYARD_CONFIG", "SHIPYARD_TEST_")
"""Variables that begin so are no settings."""


class Given(NamedTuple):
    """A value, and the file or the variable that gives it."""

    value: Any
    source: str


def load(
    name: str | None = None, environ: Mapping[str, str] | None = None, folder: Path = ROOT / "config", **changes: Any
) -> Settings:
    """The settings of the configuration `name` (else SHIPYARD_CONFIG, else development).

    changes: values that beat all others, a section's as `jwt={"access_seconds": 5}`.
    Raises StartError that names every bad key: where it stands, what is wrong with it.
    """
    environ = os.environ if environ is None else environ
    name = name or environ.get("SHIPYARD_CONFIG") or "development"
    given: dict[str, Given] = {}
    wrong: list[str] = []
    for path in (folder / "defaults.toml", _chosen(folder, name)):
        given |= _flat(_table(path), f"{path.parent.name}/{path.name}")
    given |= _variables(environ, wrong)
    given |= _flat(changes, "the call")
    return _settings(given, wrong)


def known(settings: type[Any] = Settings, prefix: str = "") -> Iterator[tuple[str, fields.Field[Any]]]:
    """Every setting there is: its dotted key, and the field that reads it."""
    for item in dataclasses.fields(settings):
        if (part := item.metadata.get("section")) is not None:
            yield from known(part, f"{item.name}.")
        else:
            yield prefix + item.name, item.metadata["field"]


def variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def _chosen(folder: Path, name: str) -> Path:
    there = sorted(path.stem for path in folder.glob("*.toml") if path.stem != "defaults")
    if name not in there:
        raise StartError(f"There is no configuration {name!r} in {folder}: choose one of {', '.join(there)}.")
    return folder / f"{name}.toml"


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StartError(f"{path.parent.name}/{path.name}: cannot be read as TOML: {error}") from error


def _flat(table: Mapping[str, Any], source: str) -> dict[str, Given]:
    """The values by dotted key; plugins' own tables together under `plugins.sections`."""
    flat: dict[str, Given] = {}
    sections: dict[str, Any] = {}
    own = {item.name for item in dataclasses.fields(PluginSettings)}
    for key, value in table.items():
        if not isinstance(value, Mapping):
            flat[key] = Given(value, source)
            continue
        for inner, part in value.items():
            if key == "plugins" and inner not in own:
                sections[inner] = part
            else:
                flat[f"{key}.{inner}"] = Given(part, source)
    if sections:
        flat["plugins.sections"] = Given(sections, source)
    return flat


def _variables(environ: Mapping[str, str], wrong: list[str]) -> dict[str, Given]:
    keys = {variable(key): (key, field) for key, field in known() if key != "plugins.sections"}
    given: dict[str, Given] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name.startswith(OUTSIDE):
            continue
        if name in keys:
            key, field = keys[name]
            given[key] = Given(_items(value) if isinstance(field, fields.List) else value, name)
        elif (plain := name.removesuffix("_FILE")) in keys:
            given[keys[plain][0]] = Given(_content(name, value, environ.get(plain), wrong), name)
        else:
            near = difflib.get_close_matches(name, keys, n=1)
            wrong.append(f"{name}: There is no such setting." + (f" Is {near[0]} meant?" if near else ""))
    return given


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _content(name: str, path: str, other: str | None, wrong: list[str]) -> str:
    """What the file named by a variable SHIPYARD_..._FILE holds, without the newline at its end."""
    if other is not None:
        wrong.append(f"{name}: {name.removesuffix('_FILE')} is set too; set one of them.")
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        wrong.append(f"{name}: {path} cannot be read: {error}")
        return ""


def _settings(given: Mapping[str, Given], wrong: list[str]) -> Settings:
    fields_by_key = dict(known())
    values: dict[str, Any] = {"plugins.enabled": None, "plugins.allow": None, "plugins.sections": {}}
    for key, (value, source) in given.items():
        if key not in fields_by_key:
            near = difflib.get_close_matches(key, fields_by_key, n=1)
            wrong.append(f"{source}: {key}: Unknown key." + (f" Is {near[0]} meant?" if near else ""))
            continue
        try:
            values[key] = fields_by_key[key].deserialize(value)
        except ValidationError as error:
            wrong.append(f"{source}: {key}: {_sentence(error.messages)}")
    missing = [key for key in fields_by_key if key not in values and key not in given]
    wrong += [f"config/defaults.toml: {key}: Missing." for key in missing]
    if wrong:
        raise StartError("\n".join(["The settings are wrong:", *wrong]))
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
