"""The conditions and the order of a query as SQL. A condition uses the expression of its field that is indexed."""

# ruff: noqa: S608  # the names in the SQL are those of fields, from code; values are bound

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from service.store.base import Condition, Field, Query, Scalar, fold

# The text that `like` and `search` examine. Only records with non-ASCII characters have a folded copy: for ASCII,
# SQLite's lower() is equivalent to `fold`.
FOLDED = "coalesce(folded, body)"

_TYPES = {"number": "'integer', 'real'", "text": "'text'", "numbers": "'integer', 'real'", "texts": "'text'"}
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Clause(NamedTuple):
    """A fragment of SQL and the values of its placeholders."""

    sql: str
    values: tuple[str | int, ...] = ()


def where(query: Query) -> Clause:
    """Return the clause that matches the records of a query."""
    clauses = [_condition(condition) for condition in query.where]
    if query.search is not None:
        clauses.append(_search(query.search, query.searched))
    return _joined(" AND ", clauses) if clauses else Clause("1")


def id_in(ids: Sequence[int]) -> Clause:
    """Return the clause that matches the records with these ids."""
    return Clause("id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),))


def order_by(query: Query) -> str:
    """Return the terms of ORDER BY. SQLite sorts NULL first, and last if descending, as the contract does."""
    terms = [field_expression(field) + (" DESC" if descending else "") for field, descending in query.sort]
    return ", ".join([*terms, "id"])


def field_expression(field: Field) -> str:
    """Return the SQL for the value of a field; NULL if it is missing or not of the field's kind."""
    if field.name == "id":
        return "id"
    path = _path(field)
    if field.kind == "boolean":
        return f"CASE json_type(body, {path}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    return f"CASE WHEN json_type(body, {path}) IN ({_TYPES[field.kind]}) THEN json_extract(body, {path}) END"


def _path(field: Field) -> str:
    name = field.name.replace("'", "''")
    return f"""'$."{name}"'"""


def _joined(operator: str, clauses: Sequence[Clause]) -> Clause:
    values = tuple(value for clause in clauses for value in clause.values)
    return Clause("(" + operator.join(clause.sql for clause in clauses) + ")", values)


def _condition(condition: Condition) -> Clause:
    field, values = condition.field, condition.values
    match condition.test:
        case "eq":
            return Clause(f"{field_expression(field)} IN (SELECT value FROM json_each(?))", (_json(values),))
        case "ne":
            return Clause(
                f"({field_expression(field)} IN (SELECT value FROM json_each(?))) IS NOT TRUE", (_json(values),)
            )
        case "has":
            return _element(field, "body", "element.value IN (SELECT value FROM json_each(?))", _json(values))
        case "like":
            return _joined(" OR ", [_like((field,), fold(str(value))) for value in values])
        case test:
            return Clause(f"{field_expression(field)} {_COMPARISONS[test]} json_extract(?, '$')", (_json(values[0]),))


def _json(value: Scalar | tuple[Scalar, ...]) -> str:
    # Numbers are bound as JSON, because SQLite parses decimal fractions differently than Python does.
    return orjson.dumps(value).decode()


def _search(text: str, fields: Sequence[Field]) -> Clause:
    return _like(fields, fold(text)) if fields else Clause("0")


def _like(fields: Sequence[Field], substring: str) -> Clause:
    """Return the clause that one of the fields contains a folded text.

    The whole body is examined first, because that is faster than to parse it.
    """
    in_body = Clause(f"instr(lower({FOLDED}), ?)", (orjson.dumps(substring)[1:-1].decode(),))
    return _joined(" AND ", [in_body, _joined(" OR ", [_contains(field, substring) for field in fields])])


def _contains(field: Field, substring: str) -> Clause:
    if field.kind == "texts":
        return _element(field, FOLDED, "instr(lower(element.value), ?)", substring)
    path = _path(field)
    text = f"CASE json_type({FOLDED}, {path}) WHEN 'text' THEN lower(json_extract({FOLDED}, {path})) END"
    return Clause(f"instr({text}, ?)", (substring,))


def _element(field: Field, body: str, test: str, value: str) -> Clause:
    """Return the clause that an element of a list satisfies a test."""
    elements = f"json_each({body}, {_path(field)}) AS element WHERE element.type IN ({_TYPES[field.kind]})"
    is_list = f"json_type({body}, {_path(field)}) = 'array'"
    return Clause(f"({is_list} AND EXISTS (SELECT 1 FROM {elements} AND {test}))", (value,))
