"""What the tables, the columns and the values are called in SQL."""

from __future__ import annotations

import hashlib

from service.store.base import Collection, Field

_LONGEST_KEY = 1000  # bytes
_SCALARS = {
    "number": "CASE jsonb_typeof(doc -> {name}) WHEN 'number' THEN (doc -> {name})::numeric END",
    "text": "CASE jsonb_typeof(doc -> {name}) WHEN 'string' THEN doc ->> {name} END COLLATE \"C\"",
    "boolean": "CASE jsonb_typeof(doc -> {name}) WHEN 'boolean' THEN (doc -> {name})::boolean END",
}


def records(collection: Collection) -> str:
    """The table of a collection, as SQL."""
    return f"shipyard.{quoted(name('records', collection.name))}"


def ids(collection: Collection) -> str:
    """The sequence that a collection's ids come from, as SQL."""
    return f"shipyard.{quoted(name('ids', collection.name))}"


def bounded(key: str) -> str:
    """A key as kept: what is too long for an index is kept as its digest."""
    encoded = key.encode()
    return key if len(encoded) <= _LONGEST_KEY else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def scalar(field: Field) -> str:
    """The one value of a field, as SQL: NULL where the field is missing, null, or not of its kind."""
    if field.name == "id":
        return "id"
    return f"({_SCALARS[field.kind.removesuffix('s')].format(name=literal(field.name))})"


def literal(text: str) -> str:
    """A text, as SQL, whatever it holds."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def name(*parts: str) -> str:
    """A name that PostgreSQL does not cut off: it keeps 63 bytes."""
    joined = "_".join(parts)
    return joined if len(joined.encode()) <= 63 else f"{parts[0]}_{hashlib.sha256(joined.encode()).hexdigest()[:40]}"


def quoted(identifier: str) -> str:
    """A name, as SQL, whatever it holds."""
    doubled = identifier.replace('"', '""')
    return f'"{doubled}"'
