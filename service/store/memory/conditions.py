"""What a query asks of one record, as a function of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import ge, gt, le, lt
from typing import Any

from service.store.base import Condition, Field, Query, fold

Shown = dict[str, Any]
Test = Callable[[Shown], bool]

TYPES: dict[str, set[type]] = {
    "number": {int, float},
    "text": {str},
    "boolean": {bool},
    "numbers": {int, float},
    "texts": {str},
}
_LISTS = {"numbers", "texts"}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def test(query: Query) -> Test | None:
    """One test for all that a query asks of a record; None if it asks nothing."""
    tests = [_condition(each) for each in query.where]
    if query.search is not None:
        tests.append(_search(query.search, query.searched))
    return reduce(_both, tests) if tests else None


def _both(one: Test, other: Test) -> Test:
    return lambda shown: one(shown) and other(shown)


def _condition(condition: Condition) -> Test:
    field, values = condition.field, condition.values
    match condition.test:
        case "eq":
            return _equal(field, frozenset(values))
        case "ne":
            equal = _equal(field, frozenset(values))
            return lambda shown: not equal(shown)
        case "has":
            return _has(field, frozenset(values))
        case "like":
            return _like(field, [fold(str(value)) for value in values])
        case order:
            return _compared(field, _ORDERS[order], values[0])


def _equal(field: Field, wanted: frozenset[Any]) -> Test:
    name, types = field.name, TYPES[field.kind]
    return lambda shown: type(found := shown.get(name)) in types and found in wanted


def _compared(field: Field, holds: Callable[[Any, Any], bool], bound: Any) -> Test:
    name, types = field.name, TYPES[field.kind]
    return lambda shown: type(found := shown.get(name)) in types and holds(found, bound)


def _has(field: Field, wanted: frozenset[Any]) -> Test:
    elements = _elements(field)
    return lambda shown: not wanted.isdisjoint(elements(shown))


def _like(field: Field, needles: Sequence[str]) -> Test:
    elements = _elements(field)

    def like(shown: Shown) -> bool:
        return any(needle in text for text in map(fold, elements(shown)) for needle in needles)

    return like


def _search(text: str, fields: Sequence[Field]) -> Test:
    tests = [_like(field, [fold(text)]) for field in fields]
    return lambda shown: any(test(shown) for test in tests)


def _elements(field: Field) -> Callable[[Shown], Sequence[Any]]:
    """What a field holds: the elements of its list, or its one value, or nothing; of the field's kind only."""
    name, types = field.name, TYPES[field.kind]

    def one(shown: Shown) -> Sequence[Any]:
        found = shown.get(name)
        return (found,) if type(found) in types else ()

    def several(shown: Shown) -> Sequence[Any]:
        found = shown.get(name)
        return [element for element in found if type(element) in types] if type(found) is list else ()

    return several if field.kind in _LISTS else one
