"""The store in a SQLite file."""

from service.store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
