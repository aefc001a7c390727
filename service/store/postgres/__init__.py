"""The store in PostgreSQL."""

from service.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
