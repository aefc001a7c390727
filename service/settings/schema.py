"""The settings there are, frozen. config/defaults.toml says what each is for; config.py reads them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import URL, Length, OneOf, Range, Regexp

ROOT = Path(__file__).resolve().parent.parent.parent
"""The project: where config/ and data.json lie, and where relative paths in the settings start."""


class Whole(fields.Integer):
    """A whole number, from a file or from the text of a variable; 1.5 and true are none."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def setting(field: fields.Field[Any], *, secret: bool = False) -> Any:
    """A setting that `field` reads and checks; a secret one does not show in a repr."""
    return dataclasses.field(metadata={"field": field}, repr=not secret)


def section(settings: type[Any]) -> Any:
    """A table of settings of its own."""
    return dataclasses.field(metadata={"section": settings})


def whole(low: int, high: int) -> Any:
    """A setting that is a whole number in this range."""
    return setting(Whole(validate=Range(low, high)))


def seconds() -> Any:
    """A setting that is a time in seconds."""
    return setting(fields.Float(validate=Range(0.1, 3600)))


def text() -> Any:
    """A setting that is a text with something in it."""
    return setting(fields.String(validate=Length(min=1)))


def names() -> Any:
    """A setting that is a list of names, or was left out."""
    return setting(fields.List(fields.String(validate=Length(min=1)), allow_none=True))


def tables() -> Any:
    """Tables whose keys others know, and whose values may be secret."""
    return dataclasses.field(repr=False)


def switch() -> Any:
    """A setting that is on or off."""
    return setting(fields.Boolean())


def _address(url: str) -> None:
    if url:
        URL(schemes={"http", "https"}, require_tld=False, error="Not an absolute http(s) URL.")(url)
    if url.endswith("/"):
        raise ValidationError("Must not end in a slash.")


ORIGIN = Regexp(r"https?://[^/\s*,]+\Z", error="Not an origin: scheme://host[:port], without path or *.")


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """How tokens are signed and how long they live."""

    secret: str = setting(fields.String(), secret=True)
    secret_file: str = setting(fields.String())
    old_secrets: list[str] = setting(fields.List(fields.String(validate=Length(min=1))), secret=True)
    algorithm: str = setting(fields.String(validate=OneOf(["HS256", "EdDSA"])))
    issuer: str = text()
    audience: str = text()
    access_seconds: int = whole(1, 86_400)
    refresh_seconds: int = whole(1, 366 * 86_400)
    leeway_seconds: int = whole(0, 60)


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """What a password must be, and how many are hashed at once."""

    min_length: int = whole(4, 128)
    threads: int = whole(1, 64)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one request, and all of them together, may take."""

    body_bytes: int = whole(1024, 64 * 1024 * 1024)
    body_seconds: float = seconds()
    in_flight: int = whole(1, 1_000_000)
    stop_seconds: float = seconds()


@dataclass(frozen=True, slots=True)
class CorsSettings:
    """Which origins' pages may call the service."""

    origins: list[str] = setting(fields.List(fields.String(validate=ORIGIN)))


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """Which plugins to load; `sections` has each one's own table by its name, as the files have it."""

    enabled: list[str] | None = names()
    allow: list[str] | None = names()
    on_error: str = setting(fields.String(validate=OneOf(["stop", "skip"])))
    sections: dict[str, dict[str, Any]] = tables()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one service."""

    production: bool = switch()
    host: str = text()
    port: int = whole(0, 65_535)
    workers: int = whole(1, 256)
    public_url: str = setting(fields.String(validate=_address))
    store: str = setting(fields.String(validate=Length(min=1)), secret=True)
    data: str = text()
    allow_demo_users: bool = switch()
    access_log: bool = switch()
    docs: bool = switch()
    metrics: bool = switch()
    require_if_match: bool = switch()
    jwt: JwtSettings = section(JwtSettings)
    passwords: PasswordSettings = section(PasswordSettings)
    limits: LimitSettings = section(LimitSettings)
    cors: CorsSettings = section(CorsSettings)
    plugins: PluginSettings = section(PluginSettings)
