"""A data file with the records of plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest


@pytest.fixture
def data_with(data_file: Path, tmp_path: Path) -> Callable[..., str]:
    """`data_with(planets=[...])` returns the path of a file with the example's records and these collections."""

    def write(**collections: Any) -> str:
        path = tmp_path / "more.json"
        path.write_bytes(orjson.dumps(orjson.loads(data_file.read_bytes()) | collections))
        return str(path)

    return write
