"""The SQL of a query: one statement returns the page and the total. All values are bound."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from service.store.base import Collection, Condition, Field, Query, Scalar, Sort, fold
from service.store.postgres.names import field_expression, quote_literal, records_table

# If the page is not full, it is the last one, and its end is the total; otherwise the records are counted.
_FIND = """
WITH page AS MATERIALIZED (SELECT id, revision, body FROM {records} WHERE {page})
SELECT array_agg(id) AS ids, array_agg(revision) AS revisions, array_agg(body) AS bodies,
       CASE WHEN {is_total} AND count(*) < {limit} AND (count(*) > 0 OR {start} = 0) THEN {start} + count(*)
            ELSE (SELECT count(*) FROM {records} WHERE {where}) END AS total
FROM page
"""
_PAGE = "{where} AND {after} ORDER BY {order} OFFSET {start} LIMIT {limit}"
# With an offset, the skipped rows are read from the index only, if there is one with the order of the query.
_PAGE_WITH_OFFSET = "id IN (SELECT id FROM {records} WHERE {page}) ORDER BY {order}"
_ANY_ELEMENT = "EXISTS (SELECT FROM jsonb_array_elements_text(folded -> {name}) AS element WHERE {test})"
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_SQL_TYPES = {"number": "numeric", "text": "text", "boolean": "boolean"}
_MAX_BIGINT = 2**63 - 1


class BoundSQL(NamedTuple):
    """An SQL statement and its arguments for $1, $2, ..."""

    sql: str
    arguments: list[Any]


def find_sql(collection: Collection, query: Query) -> BoundSQL:
    """Return the SQL of a query.

    It returns one row: the `ids`, `revisions` and `bodies` of the page, which are NULL if it is empty, and the `total`.
    """
    arguments = _Arguments()
    where = [_condition(condition, arguments) for condition in query.where]
    if query.search is not None:
        where.append(_search(query.search, query.searched, arguments))
    parts = {
        "records": records_table(collection),
        "where": " AND ".join(where) or "TRUE",
        "after": "TRUE" if query.after is None else f"id > {arguments.add(min(query.after, _MAX_BIGINT), 'bigint')}",
        "is_total": "TRUE" if query.after is None else "FALSE",
        "order": ", ".join([*map(_sort, query.sort), "id"]),
        "start": arguments.add(min(query.start, _MAX_BIGINT), "bigint"),
        "limit": arguments.add(min(query.limit, _MAX_BIGINT), "bigint"),
    }
    page = _PAGE.format(**parts)
    if query.start:
        page = _PAGE_WITH_OFFSET.format(page=page, **parts)
    return BoundSQL(_FIND.format(page=page, **parts), arguments.values)


class _Arguments:
    """The arguments of a statement. Each method adds one and returns its placeholder."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"

    def add_array(self, values: list[Any], sql_type: str) -> str:
        return self.add(values, f"{sql_type}[]")


def _condition(condition: Condition, arguments: _Arguments) -> str:
    field, test = condition.field, condition.test
    if test == "like":
        return _like(field, [arguments.add(fold(str(value)), "text") for value in condition.values])
    values = _converted(field, condition.values)
    if not values:
        return "TRUE" if test == "ne" else "FALSE"
    if test == "has" and field.kind in ("numbers", "texts"):
        return _has(field, values, arguments)
    expression, sql_type = field_expression(field), _SQL_TYPES[field.kind.removesuffix("s")]
    if field.name == "id" and all(value % 1 == 0 and abs(value) <= _MAX_BIGINT for value in values):
        values, sql_type = [int(value) for value in values], "bigint"  # The index on id is used for bigint only.
    if test == "ne":
        return f"({expression} <> ALL ({arguments.add_array(values, sql_type)})) IS NOT FALSE"
    if test in _COMPARISONS:
        return f"{expression} {_COMPARISONS[test]} {arguments.add(values[0], sql_type)}"
    if len(values) == 1:  # For one value, the index returns the rows in the order of id.
        return f"{expression} = {arguments.add(values[0], sql_type)}"
    return f"{expression} = ANY ({arguments.add_array(values, sql_type)})"


def _converted(field: Field, values: tuple[Scalar, ...]) -> list[Any]:
    """Return the values of the field's kind, converted to the types that asyncpg expects."""
    match field.kind.removesuffix("s"):
        case "number":
            # By repr, because the JSON in `doc` has the shortest decimal of a float, too.
            return [Decimal(repr(value)) for value in values if type(value) in (int, float)]
        case "text":
            return [value for value in values if type(value) is str]
        case _:
            return [value for value in values if type(value) is bool]


def _has(field: Field, values: list[Any], arguments: _Arguments) -> str:
    # One test for each value, because `@> ANY` does not use the index.
    lists = [f"[{value}]" if isinstance(value, Decimal) else orjson.dumps([value]).decode() for value in values]
    tests = (f"doc -> {quote_literal(field.name)} @> {arguments.add(json, 'jsonb')}" for json in lists)
    return "(" + " OR ".join(tests) + ")"


def _search(text: str, fields: tuple[Field, ...], arguments: _Arguments) -> str:
    if not fields:
        return "FALSE"
    substring = arguments.add(fold(text), "text")
    return "(" + " OR ".join(_like(field, [substring]) for field in fields) + ")"


def _like(field: Field, substrings: list[str]) -> str:
    is_list = field.kind == "texts"
    text = "element" if is_list else f"folded ->> {quote_literal(field.name)}"
    test = " OR ".join(f"strpos({text}, {substring}) > 0" for substring in substrings) or "FALSE"
    return _ANY_ELEMENT.format(name=quote_literal(f"{field.name}[]"), test=test) if is_list else f"({test})"


def _sort(sort: Sort) -> str:
    return f"{field_expression(sort.field)} {'DESC NULLS LAST' if sort.descending else 'ASC NULLS FIRST'}"
