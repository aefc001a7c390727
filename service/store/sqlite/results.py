"""The stored results of writes with an idempotency key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from service.store.base import IdempotencyKey, IdempotencyKeyReused, Record


def load_result(connection: sqlite3.Connection, key: IdempotencyKey, now: float) -> list[Record | None] | None:
    """Return the result of the write with this key, or None if there was none. Raises IdempotencyKeyReused."""
    sql = "SELECT fingerprint, records FROM _once WHERE key = ? AND expires >= ?"
    row = connection.execute(sql, (key.key, now)).fetchone()
    if row is None:
        return None
    fingerprint, records = row
    if fingerprint.decode() != key.fingerprint:
        raise IdempotencyKeyReused
    return [record and Record(record[0], record[1], record[2].encode()) for record in orjson.loads(records)]


def save_result(connection: sqlite3.Connection, key: IdempotencyKey, records: Sequence[Record | None]) -> None:
    """Save the result of a write with this key, in place of an expired one."""
    stored = [record and (record.id, record.revision, record.body.decode()) for record in records]
    values = key.key, key.fingerprint, key.expires, orjson.dumps(stored).decode()
    connection.execute("INSERT OR REPLACE INTO _once VALUES (?, ?, ?, ?)", values)
