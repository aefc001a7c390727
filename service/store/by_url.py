"""Create the store that a URL names."""

from __future__ import annotations

from pathlib import Path

from service.errors import StartupError
from service.store.base import Store

_FORMS = {
    "memory": "memory:",
    "sqlite": "sqlite:///file.db (relative to the project) or sqlite:////directory/file.db (absolute)",
    "postgresql": "postgresql://user:password@host/database",
}


def store_for(url: str, root: Path) -> Store:
    """Return the store that a URL names, not yet opened. Raises StartupError.

    root: the directory that a relative SQLite path starts at, which is the project's for a URL in the settings:
    sqlite:///file.db is root/file.db, and sqlite:////directory/file.db is /directory/file.db.
    """
    scheme, _, rest = url.partition(":")
    match scheme:
        case "memory" if url == "memory:":
            from service.store.memory import MemoryStore

            return MemoryStore()
        case "sqlite" if len(rest) > 3 and rest.startswith("///") and "?" not in rest:
            from service.store.sqlite import SQLiteStore

            return SQLiteStore(root / rest[3:])
        case "postgresql" | "postgres" if rest.startswith("//"):
            # Imported here, because the driver's import is slow and other stores do not need it.
            from service.store.postgres import PostgresStore

            return PostgresStore(url)
    if (form := _FORMS.get("postgresql" if scheme == "postgres" else scheme)) is not None:
        raise StartupError(f"Invalid store URL: expected {form}.")
    raise StartupError(f"Unknown store URL scheme {scheme!r}: expected {', '.join(_FORMS.values())}.")
