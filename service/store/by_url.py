"""The store that a URL names."""

from __future__ import annotations

from pathlib import Path

from service.errors import StartupError
from service.store.base import Store


def store_for(url: str, root: Path) -> Store:
    """The store that a URL names, not opened yet; a relative path of SQLite's begins at `root`. Raises StartupError."""
    scheme, _, rest = url.partition(":")
    match scheme:
        case "memory" if url == "memory:":
            from service.store.memory import MemoryStore

            return MemoryStore()
        case "sqlite" if len(rest) > 3 and rest.startswith("///") and "?" not in rest:
            from service.store.sqlite import SQLiteStore

            return SQLiteStore(root / rest[3:])
        case "postgresql" | "postgres" if rest.startswith("//"):
            # Only who asks for it waits for its driver's import.
            from service.store.postgres import PostgresStore

            return PostgresStore(url)
    raise StartupError(
        "The URL of a store is memory:, sqlite:///file.db, sqlite:////directory/file.db or "
        f"postgresql://user:password@host/database, none begins with {scheme!r} like this one"
    )
