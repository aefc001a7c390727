"""A page of records out of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from service.store.base import Page, Query, Record
from service.store.sqlite.query import Clause, among, order, where
from service.store.sqlite.table import Table

_FEW = 1000  # records whose ids are worth knowing


def find(table: Table, query: Query, connection: sqlite3.Connection) -> Page:
    """The page, and the total of the same moment."""
    with _moment(connection):
        return _page(connection, table, query, _count(connection, table))


def find_near(table: Table, query: Query, most: int, connection: sqlite3.Connection) -> Page | None:
    """The same within a transaction, or None where more than `most` records may have to be looked at."""
    if plain(query) and query.start <= most:
        values = (table.collection.name, query.after or 0, query.limit, query.start)
        if rows := connection.execute(table.page, values).fetchall():  # with none, nobody says the total
            return Page(tuple([Record._make(row[:3]) for row in rows]), rows[0][3])
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
    return query.start if plain(query) else 2**63


def plain(query: Query) -> bool:
    """Whether all records are asked for, in the order of their ids."""
    return not query.where and query.search is None and not query.sort


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
    sql = f"{table.select} WHERE {sql} ORDER BY {order(query)} LIMIT ? OFFSET ?"
    rows = connection.execute(sql, (*values, query.limit, query.start))
    return Page(tuple([Record._make(row) for row in rows]), total)


def _narrowed(connection: sqlite3.Connection, table: Table, clause: Clause) -> tuple[Clause, int]:
    """The clause, or the ids of the records if only few match, and how many match.

    Asked for a page in the order of the ids, SQLite would rather walk through all records than use an index.
    """
    found = connection.execute(f"{table.ids} WHERE {clause.sql} LIMIT ?", (*clause.values, _FEW + 1)).fetchall()
    if len(found) <= _FEW:
        return among([id for (id,) in found]), len(found)
    (total,) = connection.execute(f"{table.total} WHERE {clause.sql}", clause.values).fetchone()
    return clause, total
