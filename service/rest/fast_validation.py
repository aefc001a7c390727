"""Compiled validation: recognizes documents that a schema would load unchanged, in a fraction of marshmallow's time.

It never rejects a document: all others are validated by marshmallow, which reports what is invalid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import RAISE, Schema, fields, missing
from marshmallow.validate import Length, Range

from service.rest.fields import Line, no_control_characters, not_blank

Accepts = Callable[[Any], bool]

LINE = "{value}.isascii() and {value}.isprintable() and {value}.strip()"


def compile_schema(schema: Schema) -> Accepts | None:
    """Return a function that returns True only for objects that `schema` loads and dumps unchanged.

    Returns None if the schema has hooks, or fields that cannot be compiled.
    """
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
    # One expression: a call for each field would take longer than the tests.
    source = f"lambda document: {' and '.join(tests)}"
    accepts: Accepts = eval(source, {"names": names})  # noqa: S307  # contains only field names and numbers
    return accepts


def _is_plain(schema: type[Schema]) -> bool:
    """Return whether a schema has only fields: no hooks, no methods."""
    own = [kind for kind in schema.__mro__ if kind not in Schema.__mro__]
    return not any(
        callable(it) or isinstance(it, classmethod | staticmethod) for kind in own for it in vars(kind).values()
    )


def _test(field: fields.Field[Any]) -> str | None:
    """Return the source of a test that is true only if a field loads `{value}` unchanged; None if there is none."""
    if field.load_default is not missing or field.allow_none or field.pre_load or field.post_load:
        return None
    own = (no_control_characters, not_blank) if type(field) is Line else ()
    limits = _bounds([check for check in field.validators if check not in own])
    if limits is None:
        return None
    if type(field) is Line:
        # Printable ASCII has no control characters, and what is not white space is visible.
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
    """Return the source of a test of bounds; infinite ones are left out."""
    least = f"{low!r} <= " if low > float("-inf") else ""
    most = f" <= {high!r}" if high < float("inf") else ""
    return f"{least}{what}{most}" if least or most else "True"


def _bounds(validators: list[Any]) -> tuple[float, float] | None:
    """Return the bounds that the validators set together; None if one of them checks anything else."""
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
