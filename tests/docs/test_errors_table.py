"""The table in docs/errors.md lists the catalogue of errors."""

from __future__ import annotations

import re

from service.errors import catalogue
from service.settings.schema import ROOT

ROW = re.compile(r"^\| (\d{3}) \| `(\w+)` \|", re.MULTILINE)


def test_the_table_has_one_row_for_each_status_and_code_of_the_catalogue() -> None:
    rows = [(int(status), code) for status, code in ROW.findall((ROOT / "docs/errors.md").read_text("utf-8"))]
    errors = [entry.example() for entry in catalogue().values()]
    assert len(rows) == len(set(rows))
    assert set(rows) == {(error.status, error.code) for error in errors}
    assert [status for status, _ in rows] == sorted(status for status, _ in rows)
