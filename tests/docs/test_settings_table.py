"""The table of settings in docs/configuration.md."""

from __future__ import annotations

import json
import re
import tomllib

from service.settings.loader import all_settings, environment_variable
from service.settings.schema import ROOT

PAGE = (ROOT / "docs/configuration.md").read_text("utf-8")
WITHOUT_DEFAULT = {"plugins.enabled", "plugins.allow"}
"""Settings that may be left out, and are: their default is described in words."""
ROW = re.compile(r"^\| `([\w.]+)` \| `(\w+)` \| (.*?) \| (?=\S)", re.MULTILINE)


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
    assert rows == [(key, environment_variable(key)) for key, _ in all_settings()]


def test_the_table_has_the_defaults_of_defaults_toml() -> None:
    shown = {key: default for key, _, default in ROW.findall(PAGE) if key not in WITHOUT_DEFAULT}
    assert shown == defaults()
