"""The settings as frozen dataclasses. config/defaults.toml describes each setting; loader.py reads them.

Relative paths: a relative path in a setting (`store`, `data`, `jwt.secret_file`) starts at the project's directory,
ROOT, not at the current directory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields
from marshmallow.validate import URL, Length, OneOf, Range, Regexp

ROOT = Path(__file__).resolve().parent.parent.parent
"""The project's directory: it contains config/ and data.json, and relative paths in the settings start here."""


class StrictInteger(fields.Integer):
    """An integer from a TOML file, or from the text of a variable. Rejects 1.5 and true."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def setting(field: fields.Field[Any], *, secret: bool = False) -> Any:
    """Declare a setting that `field` deserializes. A secret one appears in no repr and in no error message."""
    return dataclasses.field(metadata={"field": field, "secret": secret}, repr=not secret)


def section(settings: type[Any]) -> Any:
    """Declare a table of settings, described by another dataclass."""
    return dataclasses.field(metadata={"section": settings})


def integer(low: int, high: int) -> Any:
    """Declare an integer setting between `low` and `high`, both included."""
    return setting(StrictInteger(validate=Range(low, high)))


def seconds() -> Any:
    """Declare a duration in seconds."""
    return setting(fields.Float(validate=Range(0.1, 3600)))


def string() -> Any:
    """Declare a string setting that is not empty."""
    return setting(fields.String(validate=Length(min=1)))


def optional_names() -> Any:
    """Declare an optional list of names; None if it is not set."""
    return setting(fields.List(fields.String(validate=Length(min=1)), allow_none=True))


def boolean() -> Any:
    """Declare a setting that is true or false."""
    return setting(fields.Boolean())


def plugin_tables() -> Any:
    """Declare the tables of the plugins. They are not validated, and may contain secrets."""
    return dataclasses.field(repr=False)


def _validate_url(url: str) -> None:
    if url:
        URL(schemes={"http", "https"}, require_tld=False, error="Not an absolute http(s) URL.")(url)
    if url.endswith("/"):
        raise ValidationError("Must not end in a slash.")


ORIGIN = Regexp(r"https?://[^/\s*,]+\Z", error="Not an origin: scheme://host[:port], without path or *.")


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """How tokens are signed, and how long they are valid."""

    secret: str = setting(fields.String(), secret=True)
    secret_file: str = setting(fields.String())
    """The path of a file that contains the secret. A relative path starts at ROOT."""
    old_secrets: list[str] = setting(fields.List(fields.String(validate=Length(min=1))), secret=True)
    algorithm: str = setting(fields.String(validate=OneOf(["HS256", "EdDSA"])))
    issuer: str = string()
    audience: str = string()
    access_seconds: int = integer(1, 86_400)
    refresh_seconds: int = integer(1, 366 * 86_400)
    leeway_seconds: int = integer(0, 60)


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """The minimum length of a new password, and how many passwords are hashed in parallel."""

    min_length: int = integer(4, 128)
    threads: int = integer(1, 64)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of a single request, and of all requests together."""

    body_bytes: int = integer(1024, 64 * 1024 * 1024)
    body_seconds: float = seconds()
    in_flight: int = integer(1, 1_000_000)
    stop_seconds: float = seconds()


@dataclass(frozen=True, slots=True)
class CorsSettings:
    """The origins that browsers may call the service from."""

    origins: list[str] = setting(fields.List(fields.String(validate=ORIGIN)))


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """Which plugins to load. `sections` contains the table of each plugin by its name, as read from the files."""

    enabled: list[str] | None = optional_names()
    allow: list[str] | None = optional_names()
    on_error: str = setting(fields.String(validate=OneOf(["stop", "skip"])))
    sections: dict[str, dict[str, Any]] = plugin_tables()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a service."""

    production: bool = boolean()
    host: str = string()
    port: int = integer(0, 65_535)
    workers: int = integer(1, 256)
    public_url: str = setting(fields.String(validate=_validate_url))
    store: str = setting(fields.String(validate=Length(min=1)), secret=True)
    """The URL of the store. The relative path of a SQLite file starts at ROOT."""
    data: str = string()
    """The path of the data file. A relative path starts at ROOT."""
    allow_demo_users: bool = boolean()
    access_log: bool = boolean()
    docs: bool = boolean()
    metrics: bool = boolean()
    require_if_match: bool = boolean()
    jwt: JwtSettings = section(JwtSettings)
    passwords: PasswordSettings = section(PasswordSettings)
    limits: LimitSettings = section(LimitSettings)
    cors: CorsSettings = section(CorsSettings)
    plugins: PluginSettings = section(PluginSettings)


class Setting(NamedTuple):
    """One setting: its dotted key, the field that deserializes it, and whether its value is secret."""

    key: str
    field: fields.Field[Any]
    secret: bool


def all_settings(settings: type[Any] = Settings, prefix: str = "") -> Iterator[Setting]:
    """Iterate over every setting, in the order of the dataclasses."""
    for item in dataclasses.fields(settings):
        if (part := item.metadata.get("section")) is not None:
            yield from all_settings(part, f"{item.name}.")
        elif (field := item.metadata.get("field")) is not None:
            yield Setting(prefix + item.name, field, item.metadata["secret"])
