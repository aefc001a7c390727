"""Read the page of a query from SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from service.store.base import Page, Query, Record
from service.store.sqlite.query import Clause, id_in, order_by, where
from service.store.sqlite.table import Table

_MAX_IDS = 1000  # matching records up to which their ids are read first


def find(table: Table, query: Query, connection: sqlite3.Connection) -> Page:
    """Return the page, read in one transaction."""
    with _transaction(connection):
        return _page(connection, table, query, _count(connection, table))


def find_if_cheap(table: Table, query: Query, max_records: int, connection: sqlite3.Connection) -> Page | None:
    """Return the page, or None if more than `max_records` records may have to be examined. Needs a transaction."""
    if is_unfiltered(query) and query.start <= max_records:
        values = (table.collection.name, query.after or 0, query.limit, query.start)
        if rows := connection.execute(table.page, values).fetchall():  # the total is a column, so it needs a row
            return Page(tuple([Record._make(row[:3]) for row in rows]), rows[0][3])
    count = _count(connection, table)
    return _page(connection, table, query, count) if min(count, _max_examined(query)) <= max_records else None


def is_unfiltered(query: Query) -> bool:
    """Return whether the query selects all records in the order of their ids."""
    return not query.where and query.search is None and not query.sort


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:  # some errors end the transaction
            connection.execute("COMMIT")


def _max_examined(query: Query) -> int:
    """Return an upper bound for the number of records that a query examines in a table of any size."""
    ids = [
        len(condition.values) for condition in query.where if condition.field.name == "id" and condition.test == "eq"
    ]
    if ids:
        return min(ids)
    return query.start if is_unfiltered(query) else 2**63


def _count(connection: sqlite3.Connection, table: Table) -> int:
    (count,) = connection.execute(table.count, (table.collection.name,)).fetchone()
    return int(count)


def _page(connection: sqlite3.Connection, table: Table, query: Query, count: int) -> Page:
    clause = where(query)
    total = count
    if query.where or query.search is not None:
        clause, total = _narrowed(connection, table, clause)
    sql, values = clause
    if query.after is not None:
        sql, values = f"{sql} AND id > ?", (*values, query.after)
    sql = f"{table.select} WHERE {sql} ORDER BY {order_by(query)} LIMIT ? OFFSET ?"
    rows = connection.execute(sql, (*values, query.limit, query.start))
    return Page(tuple([Record._make(row) for row in rows]), total)


def _narrowed(connection: sqlite3.Connection, table: Table, clause: Clause) -> tuple[Clause, int]:
    """Return the clause, or one that lists the matching ids if they are few; and the number of matching records.

    For a page ordered by id, SQLite would scan the table in that order instead of using an index on the condition.
    """
    ids = connection.execute(f"{table.ids} WHERE {clause.sql} LIMIT ?", (*clause.values, _MAX_IDS + 1)).fetchall()
    if len(ids) <= _MAX_IDS:
        return id_in([id for (id,) in ids]), len(ids)
    (total,) = connection.execute(f"{table.total} WHERE {clause.sql}", clause.values).fetchone()
    return clause, total
