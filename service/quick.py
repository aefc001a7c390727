"""Compiled validation: a yes to documents that a schema takes as they are, in a fraction of marshmallow's time.

It never says no: whatever it is not sure of, marshmallow decides and explains. Tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, fields, missing
from marshmallow.validate import Length, Range

from service.text import Line, one_line, something_to_see

Accepts = Callable[[Any], bool]


def compiled(schema: Schema) -> Accepts | None:
    """What says yes to an object only if `schema` loads and dumps it unchanged; None where that cannot be compiled."""
    if schema.unknown != RAISE or schema.many or schema.partial or not _is_plain(type(schema)):
        return None
    checks = {}
    for name, field in schema.load_fields.items():
        check = _check(field)
        if check is None or field.data_key not in (None, name) or field.attribute not in (None, name):
            return None
        checks[name] = check
    required = frozenset(name for name, field in schema.load_fields.items() if field.required)
    return _object(checks, required)


def _object(checks: Mapping[str, Accepts], required: frozenset[str]) -> Accepts:
    def accepts(document: dict[str, Any]) -> bool:
        if not document.keys() >= required:
            return False
        for name, value in document.items():
            check = checks.get(name)
            if check is None or not check(value):
                return False
        return True

    return accepts


def _is_plain(schema: type[Schema]) -> bool:
    """Whether a schema has fields and nothing else: no hook, no method, no options of its own."""
    own = [kind for kind in schema.__mro__ if kind not in Schema.__mro__]
    return not any(
        callable(it) or isinstance(it, classmethod | staticmethod) for kind in own for it in vars(kind).values()
    )


def _check(field: fields.Field[Any]) -> Accepts | None:
    """What says yes to a value that a field takes as it is."""
    if field.load_default is not missing or field.allow_none or field.pre_load or field.post_load:
        return None
    if type(field) is Line:
        return _line(field)
    limits = _bounds(field.validators)
    if limits is None:
        return None
    if type(field) is fields.List:
        return _list(field, *limits)
    if type(field) is fields.String:
        low, high = limits
        return lambda value: type(value) is str and low <= len(value) <= high
    if type(field) is fields.Integer and field.strict and not field.as_string:
        low, high = limits
        return lambda value: type(value) is int and low <= value <= high
    return None


def _line(field: Line) -> Accepts | None:
    lengths = [check for check in field.validators if check not in (one_line, something_to_see)]
    limits = _bounds(lengths)
    if limits is None:
        return None
    low, high = limits
    # Of ASCII, what is printable has no control character, and what is no white space can be seen.
    return lambda value: (
        type(value) is str
        and low <= len(value) <= high
        and value.isascii()
        and value.isprintable()
        and value.strip() != ""
    )


def _list(field: fields.List[Any], low: float, high: float) -> Accepts | None:
    inner = _check(field.inner)
    if inner is None:
        return None
    return lambda value: type(value) is list and low <= len(value) <= high and all(map(inner, value))


def _bounds(validators: list[Any]) -> tuple[float, float] | None:
    """The tightest bounds that the validators set; None if one of them does anything else."""
    low, high = float("-inf"), float("inf")
    for check in validators:
        if (type(check) is Range and check.min_inclusive and check.max_inclusive) or (
            type(check) is Length and check.equal is None
        ):
            least, most = check.min, check.max
        else:
            return None
        low = low if least is None else max(low, least)
        high = high if most is None else min(high, most)
    return low, high
