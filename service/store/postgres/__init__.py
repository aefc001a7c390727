"""The store in a PostgreSQL database."""

from service.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
