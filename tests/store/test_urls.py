"""Which URL names which store."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import StartupError
from service.store.by_url import store_for


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("memory:", "memory:"),
        ("sqlite:///file.db", "sqlite:////here/file.db"),
        ("sqlite:///in/file.db", "sqlite:////here/in/file.db"),
        ("sqlite:////there/a file.db", "sqlite:////there/a file.db"),
        ("postgresql://user:secret@host:5433/base", "postgresql://user@host:5433/base"),
    ],
)
def test_a_url_names_a_store_that_shows_no_password(url: str, name: str) -> None:
    assert store_for(url, Path("/here")).name == name


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "memory://",
        "memory:x",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:file.db",
        "sqlite:///file.db?mode=ro",
        "mysql://user:secret@host/base",
        "postgresql:base",
        "file.db",
    ],
)
def test_any_other_url_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(StartupError, match=r"The URL of a store is memory:, sqlite:///file\.db") as caught:
        store_for(url, Path("/here"))
    assert "secret" not in str(caught.value)
