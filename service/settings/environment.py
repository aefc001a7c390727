"""Settings from environment variables: SHIPYARD_SECTION_KEY, or SHIPYARD_SECTION_KEY_FILE with the path of a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields

from service.settings.schema import ROOT, all_settings

PREFIX = "SHIPYARD_"
CONFIG = "SHIPYARD_CONFIG"
"""The variable that selects the configuration."""
TEST_PREFIX = "SHIPYARD_TEST_"
"""Variables of the test suite begin with this; they are ignored."""


class Value(NamedTuple):
    """A value that is not validated yet, and the file or variable that it comes from.

    private: it was read from the file of a _FILE variable, as secrets are: no error message may contain it.
    """

    value: Any
    source: str
    private: bool = False


def environment_variable(key: str) -> str:
    """Return the environment variable of a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def read_environment(environ: Mapping[str, str], errors: list[str]) -> dict[str, Value]:
    """Return the values of all SHIPYARD_ variables by dotted key. Append what is wrong with them to `errors`."""
    settings = {environment_variable(setting.key): setting for setting in all_settings()}
    values: dict[str, Value] = {}
    for name, raw in environ.items():
        if not name.startswith(PREFIX) or name == CONFIG or name.startswith(TEST_PREFIX):
            continue
        plain = name.removesuffix("_FILE")
        if plain != name and plain in environ:
            errors.append(f"{name}: {plain} is set too; set only one of them.")
        if name not in settings and plain not in settings:
            errors.append(f"{name}: There is no such setting.{did_you_mean(name, [*settings, CONFIG])}")
            continue
        key, field, _ = settings.get(name) or settings[plain]
        try:
            from_file = name not in settings
            text = _file_content(raw) if from_file else _checked_utf8(raw)
        except ValidationError as error:
            errors.append(f"{name}: {error.args[0]}")
        else:
            values[key] = Value(
                _as_list(text) if isinstance(field, fields.List) else text, name, private=name not in settings
            )
    return values


def did_you_mean(name: str, names: list[str]) -> str:
    """Return a sentence with the most similar of `names`, or an empty string."""
    similar = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {similar[0]}?" if similar else ""


def _as_list(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _checked_utf8(value: str) -> str:
    """Return the value of a variable, which may be any bytes. Raises ValidationError if it is not UTF-8."""
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValidationError("Not UTF-8.")
    return value


def _file_content(name: str) -> str:
    """Return the content of a file without the newline at its end. Raises ValidationError."""
    path = ROOT / name
    try:
        if path.stat().st_mode & 0o077:
            raise ValidationError(f"other users can read {path}; run: chmod 600 {path}")
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"{path} cannot be read: {error}") from error
