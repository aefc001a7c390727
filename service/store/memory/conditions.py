"""The conditions and the search of a query as a predicate: a function of the fields of one record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import ge, gt, le, lt
from typing import Any

from service.store.base import Condition, Field, Query, fold

Fields = dict[str, Any]
Predicate = Callable[[Fields], bool]

TYPES: dict[str, set[type]] = {
    "number": {int, float},
    "text": {str},
    "boolean": {bool},
    "numbers": {int, float},
    "texts": {str},
}
"""The types of the value of a field, or of its elements, by the field's kind."""
_LISTS = {"numbers", "texts"}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def predicate(query: Query) -> Predicate | None:
    """Return the predicate that a query's records satisfy, or None if all do."""
    predicates = [_condition(condition) for condition in query.where]
    if query.search is not None:
        predicates.append(_search(query.search, query.searched))
    return reduce(_and, predicates) if predicates else None


def _and(first: Predicate, second: Predicate) -> Predicate:
    return lambda fields: first(fields) and second(fields)


def _condition(condition: Condition) -> Predicate:
    field, values = condition.field, condition.values
    match condition.test:
        case "eq":
            return _equal(field, frozenset(values))
        case "ne":
            equal = _equal(field, frozenset(values))
            return lambda fields: not equal(fields)
        case "has":
            return _has(field, frozenset(values))
        case "like":
            return _like(field, [fold(str(value)) for value in values])
        case test:
            return _compared(field, _COMPARISONS[test], values[0])


def _equal(field: Field, values: frozenset[Any]) -> Predicate:
    name, types = field.name, TYPES[field.kind]
    return lambda fields: type(value := fields.get(name)) in types and value in values


def _compared(field: Field, compare: Callable[[Any, Any], bool], bound: Any) -> Predicate:
    name, types = field.name, TYPES[field.kind]
    return lambda fields: type(value := fields.get(name)) in types and compare(value, bound)


def _has(field: Field, values: frozenset[Any]) -> Predicate:
    elements = _elements(field)
    return lambda fields: not values.isdisjoint(elements(fields))


def _like(field: Field, substrings: Sequence[str]) -> Predicate:
    elements = _elements(field)

    def like(fields: Fields) -> bool:
        return any(substring in text for text in map(fold, elements(fields)) for substring in substrings)

    return like


def _search(text: str, searched: Sequence[Field]) -> Predicate:
    predicates = [_like(field, [fold(text)]) for field in searched]
    return lambda fields: any(predicate(fields) for predicate in predicates)


def _elements(field: Field) -> Callable[[Fields], Sequence[Any]]:
    """Return a function for the elements of a list field, or the single value of another; of the field's kind only."""
    name, types = field.name, TYPES[field.kind]

    def value_of(fields: Fields) -> Sequence[Any]:
        value = fields.get(name)
        return (value,) if type(value) in types else ()

    def elements_of(fields: Fields) -> Sequence[Any]:
        value = fields.get(name)
        return [element for element in value if type(element) in types] if type(value) is list else ()

    return elements_of if field.kind in _LISTS else value_of
