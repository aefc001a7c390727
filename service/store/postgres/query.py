"""A query as one SQL statement: the page and the total in one answer, every value bound."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from service.store.base import Collection, Condition, Field, Query, Scalar, Sort, fold
from service.store.postgres.names import literal, records, scalar

# A page that is not full ends what there is: then its own length tells the total, and nothing is counted.
_FIND = """
WITH page AS MATERIALIZED (SELECT id, revision, body FROM {records} WHERE {part})
SELECT array_agg(id) AS ids, array_agg(revision) AS revisions, array_agg(body) AS bodies,
       CASE WHEN {whole} AND count(*) < {limit} AND (count(*) > 0 OR {start} = 0) THEN {start} + count(*)
            ELSE (SELECT count(*) FROM {records} WHERE {where}) END AS total
FROM page
"""
_PART = "{where} AND {after} ORDER BY {order} OFFSET {start} LIMIT {limit}"
# What is skipped is then read from an index alone, where one gives the order.
_LATER = "id IN (SELECT id FROM {records} WHERE {part}) ORDER BY {order}"
_IN_LIST = "EXISTS (SELECT FROM jsonb_array_elements_text(folded -> {name}) AS element WHERE {holds})"
_ORDERS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_CASTS = {"number": "numeric", "text": "text", "boolean": "boolean"}
_LARGEST = 2**63 - 1


class Statement(NamedTuple):
    """SQL, and what is bound to its $1, $2, ..."""

    sql: str
    arguments: list[Any]


def statement(collection: Collection, query: Query) -> Statement:
    """One row: the `ids`, `revisions` and `bodies` of the page, NULL where it is empty, and the `total`."""
    bound = _Bound()
    where = [_condition(condition, bound) for condition in query.where]
    if query.search is not None:
        where.append(_search(query.search, query.searched, bound))
    parts = {
        "records": records(collection),
        "where": " AND ".join(where) or "TRUE",
        "after": "TRUE" if query.after is None else f"id > {bound.one(min(query.after, _LARGEST), 'bigint')}",
        "whole": "TRUE" if query.after is None else "FALSE",
        "order": ", ".join([*map(_sort, query.sort), "id"]),
        "start": bound.one(min(query.start, _LARGEST), "bigint"),
        "limit": bound.one(min(query.limit, _LARGEST), "bigint"),
    }
    part = _PART.format(**parts)
    if query.start:
        part = _LATER.format(part=part, **parts)
    return Statement(_FIND.format(part=part, **parts), bound.arguments)


class _Bound:
    """The values of one statement. Each method answers how SQL refers to what it binds."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []

    def one(self, value: Any, cast: str) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}::{cast}"

    def several(self, values: list[Any], cast: str) -> str:
        return self.one(values, f"{cast}[]")


def _condition(condition: Condition, bound: _Bound) -> str:
    field, test = condition.field, condition.test
    if test == "like":
        return _like(field, [bound.one(fold(str(value)), "text") for value in condition.values])
    values = _fitting(field, condition.values)
    if not values:
        return "TRUE" if test == "ne" else "FALSE"
    if test == "has" and field.kind in ("numbers", "texts"):
        return _has(field, values, bound)
    column, cast = scalar(field), _CASTS[field.kind.removesuffix("s")]
    if field.name == "id" and all(value % 1 == 0 and abs(value) <= _LARGEST for value in values):
        values, cast = [int(value) for value in values], "bigint"  # The index of the ids serves their own type only.
    if test == "ne":
        return f"({column} <> ALL ({bound.several(values, cast)})) IS NOT FALSE"
    if test in _ORDERS:
        return f"{column} {_ORDERS[test]} {bound.one(values[0], cast)}"
    if len(values) == 1:  # An index gives the rows of one value by id; of several, it does not.
        return f"{column} = {bound.one(values[0], cast)}"
    return f"{column} = ANY ({bound.several(values, cast)})"


def _fitting(field: Field, values: tuple[Scalar, ...]) -> list[Any]:
    """The values that a field of this kind can equal, as PostgreSQL takes them."""
    match field.kind.removesuffix("s"):
        case "number":
            # repr: the shortest decimal that is this float is what JSON has of it, and so what `doc` holds.
            return [Decimal(repr(value)) for value in values if type(value) in (int, float)]
        case "text":
            return [value for value in values if type(value) is str]
        case _:
            return [value for value in values if type(value) is bool]


def _has(field: Field, values: list[Any], bound: _Bound) -> str:
    # One containment each, because no index serves `@> ANY`.
    lists = [f"[{value}]" if type(value) is Decimal else orjson.dumps([value]).decode() for value in values]
    return "(" + " OR ".join(f"doc -> {literal(field.name)} @> {bound.one(each, 'jsonb')}" for each in lists) + ")"


def _search(text: str, fields: tuple[Field, ...], bound: _Bound) -> str:
    wanted = [bound.one(fold(text), "text")] if fields else []
    return "(" + (" OR ".join(_like(field, wanted) for field in fields) or "FALSE") + ")"


def _like(field: Field, wanted: list[str]) -> str:
    listed = field.kind == "texts"
    text = "element" if listed else f"folded ->> {literal(field.name)}"
    holds = " OR ".join(f"strpos({text}, {each}) > 0" for each in wanted) or "FALSE"
    return _IN_LIST.format(name=literal(f"{field.name}[]"), holds=holds) if listed else f"({holds})"


def _sort(sort: Sort) -> str:
    return f"{scalar(sort.field)} {'DESC NULLS LAST' if sort.descending else 'ASC NULLS FIRST'}"
