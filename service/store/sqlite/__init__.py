"""The store in a file of SQLite's."""

from service.store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
