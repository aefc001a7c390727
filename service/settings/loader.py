"""Load the settings: config/defaults.toml, overridden by config/<name>.toml, then by environment variables."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from service.errors import StartupError
from service.settings.environment import CONFIG, Value, did_you_mean, read_environment
from service.settings.schema import ROOT, Setting, Settings, all_settings

MAX_SHOWN = 80
"""Characters of a wrong value that an error message contains."""

Sections = dict[str, dict[str, Any]]


def load_settings(
    name: str | None = None, environ: Mapping[str, str] | None = None, folder: Path = ROOT / "config", **changes: Any
) -> Settings:
    """Return the settings of the configuration `name` (default: SHIPYARD_CONFIG, else development).

    changes: values that override all others; those of a section as a mapping, such as `jwt={"access_seconds": 5}`.
    Raises StartupError, which lists every wrong key with its source, its value (unless it is secret) and the reason.
    """
    environ = os.environ if environ is None else environ
    name = name or environ.get(CONFIG) or "development"
    values: dict[str, Value] = {}
    sections: Sections = {}
    errors: list[str] = []
    for path in (folder / "defaults.toml", _configuration(folder, name)):
        values |= _flatten(_read_toml(path), f"{path.parent.name}/{path.name}", sections)
    values |= read_environment(environ, errors)
    values |= _flatten(changes, "the call", sections)
    return _validated(values, sections, errors)


def _configuration(folder: Path, name: str) -> Path:
    names = sorted(path.stem for path in folder.glob("*.toml") if path.stem != "defaults")
    if name not in names:
        raise StartupError(f"There is no configuration {name!r} in {folder}: choose one of {', '.join(names)}.")
    return folder / f"{name}.toml"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StartupError(f"{path.parent.name}/{path.name}: cannot be read as TOML: {error}") from error


def _flatten(table: Mapping[str, Any], source: str, sections: Sections) -> dict[str, Value]:
    """Return the values by dotted key. Merge the tables of plugins into `sections`."""
    flat: dict[str, Value] = {}
    keys = {setting.key for setting in all_settings()}
    for key, value in table.items():
        if not isinstance(value, Mapping):
            flat[key] = Value(value, source)
            continue
        for inner, part in value.items():
            if key == "plugins" and isinstance(part, Mapping) and f"plugins.{inner}" not in keys:
                sections[inner] = {**sections.get(inner, {}), **part}
            else:
                flat[f"{key}.{inner}"] = Value(part, source)
    return flat


def _validated(values: Mapping[str, Value], sections: Sections, errors: list[str]) -> Settings:
    settings = {setting.key: setting for setting in all_settings()}
    valid: dict[str, Any] = {"plugins.enabled": None, "plugins.allow": None, "plugins.sections": sections}
    for key, value in values.items():
        if key not in settings:
            errors.append(f"{value.source}: {key}: Unknown key.{did_you_mean(key, [*settings])}")
            continue
        try:
            valid[key] = settings[key].field.deserialize(value.value)
        except ValidationError as error:
            errors.append(f"{value.source}: {_shown(settings[key], value)}: {_sentence(error.messages)}")
    errors += [f"config/defaults.toml: {key}: Missing." for key in settings if key not in valid and key not in values]
    if errors:
        raise StartupError("\n".join(["The settings are invalid:", *errors]))
    built: Settings = _build(Settings, valid, "")
    return built


def _shown(setting: Setting, value: Value) -> str:
    """Return the key of a wrong value and the value itself, or the key only if the value may be a secret."""
    if setting.secret or value.private:
        return setting.key
    text = repr(value.value)
    return f"{setting.key} = {text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '...'}"


def _sentence(messages: Any) -> str:
    """Return marshmallow's messages, which may be nested, as one text."""
    if isinstance(messages, dict):
        return " ".join(f"{key}: {_sentence(value)}" for key, value in messages.items())
    return " ".join(str(message) for message in messages) if isinstance(messages, list) else str(messages)


def _build(settings: type[Any], values: Mapping[str, Any], prefix: str) -> Any:
    """Return an instance of a dataclass of settings, built from values by dotted key."""
    parts = {}
    for item in dataclasses.fields(settings):
        part = item.metadata.get("section")
        parts[item.name] = values[prefix + item.name] if part is None else _build(part, values, f"{item.name}.")
    return settings(**parts)
