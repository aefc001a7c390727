"""A query in SQL. Texts and bodies are compared as they are stored, so that an index on a field's expression serves."""

# ruff: noqa: S608  # the names in the SQL are those of fields, from code; values are bound

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from service.store.base import Condition, Field, Query, Scalar, fold

# What `like` and `search` look into. Only a record with more than ASCII in it has a folded copy, because for ASCII
# SQLite's lower() does what Python's fold does.
FOLDED = "coalesce(folded, body)"

_TYPES = {"number": "'integer', 'real'", "text": "'text'", "numbers": "'integer', 'real'", "texts": "'text'"}
_ORDERS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Clause(NamedTuple):
    """A piece of SQL and what to bind to its question marks."""

    sql: str
    values: tuple[str | int, ...] = ()


def where(query: Query) -> Clause:
    """All that a query asks of a record."""
    clauses = [_condition(condition) for condition in query.where]
    if query.search is not None:
        clauses.append(_search(query.search, query.searched))
    return _joined(" AND ", clauses) if clauses else Clause("1")


def among(ids: Sequence[int]) -> Clause:
    """That a record has one of these ids."""
    return Clause("id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),))


def order(query: Query) -> str:
    """The terms of ORDER BY. SQLite, too, has nulls first, and last when descending."""
    terms = [expression(field) + (" DESC" if descending else "") for field, descending in query.sort]
    return ", ".join([*terms, "id"])


def expression(field: Field) -> str:
    """The value of a field; NULL if it is missing or not of the field's kind."""
    if field.name == "id":
        return "id"
    path = _path(field)
    if field.kind == "boolean":
        return f"CASE json_type(body, {path}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    return f"CASE WHEN json_type(body, {path}) IN ({_TYPES[field.kind]}) THEN json_extract(body, {path}) END"


def _path(field: Field) -> str:
    name = field.name.replace("'", "''")
    return f"""'$."{name}"'"""


def _joined(word: str, clauses: Sequence[Clause]) -> Clause:
    values = tuple(value for clause in clauses for value in clause.values)
    return Clause("(" + word.join(clause.sql for clause in clauses) + ")", values)


def _condition(condition: Condition) -> Clause:
    field, values = condition.field, condition.values
    match condition.test:
        case "eq":
            return Clause(f"{expression(field)} IN (SELECT value FROM json_each(?))", (_json(values),))
        case "ne":
            return Clause(f"({expression(field)} IN (SELECT value FROM json_each(?))) IS NOT TRUE", (_json(values),))
        case "has":
            return _element(field, "body", "element.value IN (SELECT value FROM json_each(?))", _json(values))
        case "like":
            return _joined(" OR ", [_like((field,), fold(str(value))) for value in values])
        case test:
            return Clause(f"{expression(field)} {_ORDERS[test]} json_extract(?, '$')", (_json(values[0]),))


def _json(value: Scalar | tuple[Scalar, ...]) -> str:
    # A number is bound as JSON, because SQLite reads the digits of a fraction a little differently than Python does.
    return orjson.dumps(value).decode()


def _search(text: str, fields: Sequence[Field]) -> Clause:
    return _like(fields, fold(text)) if fields else Clause("0")


def _like(fields: Sequence[Field], needle: str) -> Clause:
    """One of the fields holds the needle. That the whole body does is tried first: reading JSON takes longer."""
    quick = Clause(f"instr(lower({FOLDED}), ?)", (orjson.dumps(needle)[1:-1].decode(),))
    return _joined(" AND ", [quick, _joined(" OR ", [_holds(field, needle) for field in fields])])


def _holds(field: Field, needle: str) -> Clause:
    if field.kind == "texts":
        return _element(field, FOLDED, "instr(lower(element.value), ?)", needle)
    path = _path(field)
    text = f"CASE json_type({FOLDED}, {path}) WHEN 'text' THEN lower(json_extract({FOLDED}, {path})) END"
    return Clause(f"instr({text}, ?)", (needle,))


def _element(field: Field, body: str, test: str, value: str) -> Clause:
    """A test of the elements of a list."""
    elements = f"json_each({body}, {_path(field)}) AS element WHERE element.type IN ({_TYPES[field.kind]})"
    is_list = f"json_type({body}, {_path(field)}) = 'array'"
    return Clause(f"({is_list} AND EXISTS (SELECT 1 FROM {elements} AND {test}))", (value,))
