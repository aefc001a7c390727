"""A page of records out of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from service.store.base import Page, Query, Record
from service.store.sqlite_query import order, where
from service.store.sqlite_table import Table


def find(table: Table, query: Query, connection: sqlite3.Connection) -> Page:
    """The page, and the total of the same moment."""
    with _moment(connection):
        return _page(connection, table, query, _count(connection, table))


def find_near(table: Table, query: Query, most: int, connection: sqlite3.Connection) -> Page | None:
    """The same, or None where more than `most` records may have to be looked at."""
    with _moment(connection):
        count = _count(connection, table)
        return _page(connection, table, query, count) if min(count, _reach(query)) <= most else None


@contextmanager
def _moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Let every read in here see the same state."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:  # not after some errors
            connection.execute("COMMIT")


def _reach(query: Query) -> int:
    """How many records a query may look at, if there are as many."""
    ids = [len(each.values) for each in query.where if each.field.name == "id" and each.test == "eq"]
    if ids:
        return min(ids)
    plain = not query.where and query.search is None and not query.sort
    return query.start if plain else 2**63


def _count(connection: sqlite3.Connection, table: Table) -> int:
    (count,) = connection.execute(table.count, (table.collection.name,)).fetchone()
    return int(count)


def _page(connection: sqlite3.Connection, table: Table, query: Query, count: int) -> Page:
    clause = where(query)
    sql = f"{table.select} WHERE {clause.sql} AND id > ? ORDER BY {order(query)} LIMIT ? OFFSET ?"
    values = (*clause.values, query.after or 0, query.limit, query.start)
    records = [Record._make(row) for row in connection.execute(sql, values)]
    if not query.where and query.search is None:
        return Page(records, count)
    if query.after is None and query.start == 0 and len(records) < query.limit:
        return Page(records, len(records))
    (total,) = connection.execute(f"{table.total} WHERE {clause.sql}", clause.values).fetchone()
    return Page(records, total)
