"""The reference implementation of queries, with which every store is compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cmp_to_key, partial
from typing import Any

from service.store.base import Condition, Field, Query, fold

Data = Mapping[str, Any]


def page(records: Mapping[int, Data], query: Query) -> tuple[list[int], int]:
    """Return the ids of the records on the page, and the total."""
    matching = [id for id, data in sorted(records.items()) if _matches({"id": id, **data}, query)]
    total = len(matching)
    if query.after is not None:
        matching = [id for id in matching if id > query.after]
    ordered = sorted(({**records[id], "id": id} for id in matching), key=cmp_to_key(partial(_compare, query)))
    return [data["id"] for data in ordered[query.start :][: query.limit]], total


def _matches(data: Data, query: Query) -> bool:
    found = query.search is None or any(_contains(data, field, query.search) for field in query.searched)
    return found and all(_satisfies(data, condition) for condition in query.where)


def _satisfies(data: Data, condition: Condition) -> bool:
    value, values = _value(data, condition.field), condition.values
    match condition.test:
        case "eq":
            return value is not None and value in values
        case "ne":
            return value is None or value not in values
        case "has":
            return any(element in values for element in _elements(data, condition.field))
        case "like":
            return any(_contains(data, condition.field, str(substring)) for substring in values)
        case "gt":
            return value is not None and value > values[0]
        case "gte":
            return value is not None and value >= values[0]
        case "lt":
            return value is not None and value < values[0]
        case "lte":
            return value is not None and value <= values[0]


def _contains(data: Data, field: Field, substring: str) -> bool:
    return any(fold(substring) in fold(text) for text in _elements(data, field))


def _value(data: Data, field: Field) -> Any:
    value = data.get(field.name)
    return value if _is_of_kind(value, field.kind) else None


def _elements(data: Data, field: Field) -> list[Any]:
    value = data.get(field.name)
    elements = value if isinstance(value, list) and field.kind in ("texts", "numbers") else []
    if field.kind == "text":
        elements = [value]
    return [element for element in elements if _is_of_kind(element, field.kind.removesuffix("s"))]


def _is_of_kind(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str) if kind == "text" else isinstance(value, int | float) and not isinstance(value, bool)


def _compare(query: Query, first: Data, second: Data) -> int:
    for field, descending in query.sort:
        left, right = _value(first, field), _value(second, field)
        if left == right:
            continue
        before = left is None or (right is not None and left < right)
        return -1 if before != descending else 1
    return int(first["id"]) - int(second["id"])
