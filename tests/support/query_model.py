"""What a query means, in the plainest Python: the reference that every store is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cmp_to_key, partial
from typing import Any

from service.store.base import Condition, Field, Query, fold

Data = Mapping[str, Any]


def page(records: Mapping[int, Data], query: Query) -> tuple[list[int], int]:
    """The ids of the records on the page, and the total."""
    matching = [id for id, data in sorted(records.items()) if _matches({"id": id, **data}, query)]
    total = len(matching)
    if query.after is not None:
        matching = [id for id in matching if id > query.after]
    ordered = sorted(({**records[id], "id": id} for id in matching), key=cmp_to_key(partial(_compare, query)))
    return [data["id"] for data in ordered[query.start :][: query.limit]], total


def _matches(data: Data, query: Query) -> bool:
    found = query.search is None or any(_holds(data, field, query.search) for field in query.searched)
    return found and all(_passes(data, condition) for condition in query.where)


def _passes(data: Data, condition: Condition) -> bool:
    value, values = _value(data, condition.field), condition.values
    match condition.test:
        case "eq":
            return value is not None and value in values
        case "ne":
            return value is None or value not in values
        case "has":
            return any(element in values for element in _elements(data, condition.field))
        case "like":
            return any(_holds(data, condition.field, str(needle)) for needle in values)
        case "gt":
            return value is not None and value > values[0]
        case "gte":
            return value is not None and value >= values[0]
        case "lt":
            return value is not None and value < values[0]
        case "lte":
            return value is not None and value <= values[0]


def _holds(data: Data, field: Field, needle: str) -> bool:
    return any(fold(needle) in fold(text) for text in _elements(data, field))


def _value(data: Data, field: Field) -> Any:
    value = data.get(field.name)
    return value if _is(value, field.kind) else None


def _elements(data: Data, field: Field) -> list[Any]:
    value = data.get(field.name)
    elements = value if isinstance(value, list) and field.kind in ("texts", "numbers") else []
    if field.kind == "text":
        elements = [value]
    return [element for element in elements if _is(element, field.kind.removesuffix("s"))]


def _is(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str) if kind == "text" else isinstance(value, int | float) and not isinstance(value, bool)


def _compare(query: Query, one: Data, other: Data) -> int:
    for field, descending in query.sort:
        left, right = _value(one, field), _value(other, field)
        if left == right:
            continue
        before = left is None or (right is not None and left < right)
        return -1 if before != descending else 1
    return int(one["id"]) - int(other["id"])
