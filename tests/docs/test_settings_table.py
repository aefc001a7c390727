"""The table of settings in docs/configuration.md, and the secrets that pages show."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from service.settings.schema import ROOT, Settings
from tests.support.markdown import PAGES

PAGE = (ROOT / "docs/configuration.md").read_text("utf-8")
WITHOUT_DEFAULT = {"plugins.enabled", "plugins.allow"}
"""Settings that may be left out, and are: their default is described in words."""
ROW = re.compile(r"^\| `([\w.]+)` \| `(\w+)` \| (.*?) \| (?=\S)", re.MULTILINE)


def keys(settings: type[Any] = Settings, prefix: str = "") -> Iterator[str]:
    """The dotted key of every setting, in the order of the code."""
    for field in dataclasses.fields(settings):
        if (section := field.metadata.get("section")) is not None:
            yield from keys(section, f"{field.name}.")
        elif "field" in field.metadata:
            yield prefix + field.name


def defaults() -> dict[str, str]:
    """The values of config/defaults.toml by dotted key, as the table writes them."""
    values = tomllib.loads((ROOT / "config/defaults.toml").read_text("utf-8"))
    flat = {key: value for key, value in values.items() if not isinstance(value, dict)}
    for section, table in values.items():
        if isinstance(table, dict):
            flat |= {f"{section}.{key}": value for key, value in table.items()}
    return {key: f"`{json.dumps(value)}`" for key, value in flat.items()}


def test_the_table_lists_every_setting_with_its_variable_in_the_order_of_the_code() -> None:
    rows = [(key, variable) for key, variable, _ in ROW.findall(PAGE)]
    assert rows == [(key, f"SHIPYARD_{key.replace('.', '_').upper()}") for key in keys()]


def test_the_table_has_the_defaults_of_defaults_toml() -> None:
    shown = {key: default for key, _, default in ROW.findall(PAGE) if key not in WITHOUT_DEFAULT}
    assert shown == defaults()


def test_no_page_shows_a_key_that_could_be_used() -> None:
    for page in PAGES:
        shown = re.findall(r"SHIPYARD_JWT_(?:SECRET|OLD_SECRETS)=[\"']?(?!\$)([^\s`]+)", page.read_text("utf-8"))
        assert shown == [], page
