"""The store that a URL names (service/store/by_url.py)."""

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
def test_a_url_names_a_store_whose_name_contains_no_password(url: str, name: str) -> None:
    assert store_for(url, Path("/here")).name == name


SQLITE = "sqlite:///file.db (relative to the project) or sqlite:////directory/file.db (absolute)"
POSTGRES = "postgresql://user:password@host/database"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", f"Unknown store URL scheme '': expected memory:, {SQLITE}, {POSTGRES}."),
        ("mysql://user:secret@host/base", f"Unknown store URL scheme 'mysql': expected memory:, {SQLITE}, {POSTGRES}."),
        ("file.db", f"Unknown store URL scheme 'file.db': expected memory:, {SQLITE}, {POSTGRES}."),
        ("memory", "Invalid store URL: expected memory:."),
        ("memory://", "Invalid store URL: expected memory:."),
        ("memory:x", "Invalid store URL: expected memory:."),
        ("sqlite:", f"Invalid store URL: expected {SQLITE}."),
        ("sqlite://", f"Invalid store URL: expected {SQLITE}."),
        ("sqlite:///", f"Invalid store URL: expected {SQLITE}."),
        ("sqlite:file.db", f"Invalid store URL: expected {SQLITE}."),
        ("sqlite:///file.db?mode=ro", f"Invalid store URL: expected {SQLITE}."),
        ("postgresql:base", f"Invalid store URL: expected {POSTGRES}."),
        ("postgres:base", f"Invalid store URL: expected {POSTGRES}."),
    ],
)
def test_any_other_url_is_rejected_with_the_expected_form_and_without_its_password(url: str, message: str) -> None:
    with pytest.raises(StartupError) as caught:
        store_for(url, Path("/here"))
    assert str(caught.value) == message
    assert "secret" not in message
