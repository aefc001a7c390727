"""Identifiers, literals and field expressions in SQL."""

from __future__ import annotations

import hashlib

from service.store.base import Collection, Field

_MAX_KEY_BYTES = 1000
_MAX_IDENTIFIER_BYTES = 63
_FIELD_EXPRESSIONS = {
    "number": "CASE jsonb_typeof(doc -> {name}) WHEN 'number' THEN (doc -> {name})::numeric END",
    "text": "CASE jsonb_typeof(doc -> {name}) WHEN 'string' THEN doc ->> {name} END COLLATE \"C\"",
    "boolean": "CASE jsonb_typeof(doc -> {name}) WHEN 'boolean' THEN (doc -> {name})::boolean END",
}


def records_table(collection: Collection) -> str:
    """Return the SQL for the table of a collection."""
    return f"shipyard.{quote_identifier(identifier('records', collection.name))}"


def id_sequence(collection: Collection) -> str:
    """Return the SQL for the sequence of a collection's ids."""
    return f"shipyard.{quote_identifier(identifier('ids', collection.name))}"


def stored_key(key: str) -> str:
    """Return a key as it is stored: a key that is too long for an index is replaced with its digest."""
    encoded = key.encode()
    return key if len(encoded) <= _MAX_KEY_BYTES else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def field_expression(field: Field) -> str:
    """Return the SQL for the value of a field: NULL if it is missing, null or not of the field's kind."""
    if field.name == "id":
        return "id"
    return f"({_FIELD_EXPRESSIONS[field.kind.removesuffix('s')].format(name=quote_literal(field.name))})"


def identifier(*parts: str) -> str:
    """Return the parts joined to an identifier, with a digest in it if it is longer than PostgreSQL allows."""
    joined = "_".join(parts)
    if len(joined.encode()) <= _MAX_IDENTIFIER_BYTES:
        return joined
    return f"{parts[0]}_{hashlib.sha256(joined.encode()).hexdigest()[:40]}"


def quote_literal(text: str) -> str:
    """Return a text as an SQL literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def quote_identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
