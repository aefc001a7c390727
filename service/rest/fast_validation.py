"""Compiled validation: a yes to documents that a schema takes as they are, in a fraction of marshmallow's time.

It never says no: whatever it is not sure of, marshmallow decides and explains. Tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import RAISE, Schema, fields, missing
from marshmallow.validate import Length, Range

from service.rest.fields import Line, one_line, something_to_see

Accepts = Callable[[Any], bool]

LINE = "{value}.isascii() and {value}.isprintable() and {value}.strip()"


def compile_schema(schema: Schema) -> Accepts | None:
    """What says yes to an object only if `schema` loads and dumps it unchanged; None where that cannot be compiled."""
    if schema.unknown != RAISE or schema.many or schema.partial or not _is_plain(type(schema)):
        return None
    names = frozenset(schema.load_fields)
    required = all(field.required for field in schema.load_fields.values())
    tests = [f"len(document) == {len(names)}" if required else "document.keys() <= names"]
    for name, field in schema.load_fields.items():
        test = _test(field)
        if test is None or field.data_key not in (None, name) or field.attribute not in (None, name):
            return None
        presence = "in document and" if field.required else "not in document or"
        tests.append(f"({name!r} {presence} (value := document[{name!r}],) and {test.replace('{value}', 'value')})")
    # One expression, since calling a function for each field would cost more than all of its tests.
    source = f"lambda document: {' and '.join(tests)}"
    accepts: Accepts = eval(source, {"names": names})  # noqa: S307  # of our own making
    return accepts


def _is_plain(schema: type[Schema]) -> bool:
    """Whether a schema has fields and nothing else: no hook, no method, no options of its own."""
    own = [kind for kind in schema.__mro__ if kind not in Schema.__mro__]
    return not any(
        callable(it) or isinstance(it, classmethod | staticmethod) for kind in own for it in vars(kind).values()
    )


def _test(field: fields.Field[Any]) -> str | None:
    """The source of a test that holds for `{value}` only if a field takes it as it is."""
    if field.load_default is not missing or field.allow_none or field.pre_load or field.post_load:
        return None
    own = (one_line, something_to_see) if type(field) is Line else ()
    limits = _bounds([check for check in field.validators if check not in own])
    if limits is None:
        return None
    if type(field) is Line:
        # Of ASCII, what is printable has no control character, and what is no white space can be seen.
        return f"(type({{value}}) is str and {_within('len({value})', *limits)} and {LINE})"
    if type(field) is fields.String:
        return f"(type({{value}}) is str and {_within('len({value})', *limits)})"
    if type(field) is fields.Integer and field.strict and not field.as_string:
        return f"(type({{value}}) is int and {_within('{value}', *limits)})"
    if type(field) is fields.List and (inner := _test(field.inner)) is not None:
        each = f"all([{inner.replace('{value}', 'one')} for one in {{value}}])"
        return f"(type({{value}}) is list and {_within('len({value})', *limits)} and {each})"
    return None


def _within(what: str, low: float, high: float) -> str:
    """The source of a test of bounds; an open end needs none."""
    least = f"{low!r} <= " if low > float("-inf") else ""
    most = f" <= {high!r}" if high < float("inf") else ""
    return f"{least}{what}{most}" if least or most else "True"


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
