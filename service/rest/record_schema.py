"""RecordSchema: validates JSON objects of clients and converts them to the data of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from marshmallow import Schema, ValidationError
from marshmallow.fields import List, String
from marshmallow.validate import Length

from service import errors
from service.errors import StartupError
from service.rest.fast_validation import compile_schema
from service.rest.merge_patch import merge
from service.store.base import Collection, Record

Data = dict[str, Any]
NONE: Data = {}


class RecordSchema:
    """The schema of a collection's records."""

    def __init__(self, schema: Schema, collection: Collection) -> None:
        """Raises StartupError if schema and collection contradict each other on write-only or unique fields."""
        _check(schema, collection)
        self._schema = schema
        self._accepts = compile_schema(schema)
        self._write_only = collection.write_only
        fields = {field.data_key or name: field for name, field in schema.fields.items()}
        self._names = tuple(name for name, field in fields.items() if not field.dump_only)
        self._attributes = {field.data_key or name: field.attribute or name for name, field in schema.fields.items()}
        self._removable = frozenset(fields) - frozenset(self._write_only)
        self.read_only = frozenset(name for name, field in fields.items() if field.dump_only) - {"id"}

    def validate(
        self,
        document: Mapping[str, Any],
        id: int | None = None,
        read_only: Data = NONE,
        optional: Sequence[str] = (),
    ) -> Data:
        """Return the data of a new record; or of the record `id`, whose read-only fields have the values `read_only`.

        The document may repeat the id and the read-only values. optional: fields that may be missing even if required.
        Raises HTTPError 400.
        """
        given = dict(document)
        if id is not None and "id" in given:
            sent = given.pop("id")
            if type(sent) is not int or sent != id:
                raise errors.ID_MISMATCH()
        for name, value in read_only.items():
            if name in given and given[name] == value:
                del given[name]
        data = self._validated(given, optional)
        return {**data, **read_only} if read_only else data

    def merge(self, record: Record, patch: Mapping[str, Any]) -> Data:
        """Return the data of a record after a merge patch (RFC 7396); write-only fields it leaves out do not change.

        Raises HTTPError 400.
        """
        old = record.data
        del old["id"]
        merged = merge(old, patch)
        # Null removes a field, but not a write-only or an unknown one: those are not in `old`, and null is validated.
        merged |= {name: None for name in patch.keys() - old.keys() - self._removable if patch[name] is None}
        document = {"id": patch["id"], **merged} if "id" in patch else merged
        return self.validate(document, record.id, self.read_only_data(record), optional=self._write_only)

    def read_only_data(self, record: Record) -> Data:
        """Return the read-only fields of a record."""
        return {name: value for name, value in record.data.items() if name in self.read_only}

    def _validated(self, given: Data, optional: Sequence[str]) -> Data:
        if self._accepts is not None and not optional and self._accepts(given):
            in_order = tuple(given) == self._names
            return given if in_order else {name: given[name] for name in self._names if name in given}
        loaded = validate(self._schema, given, optional)
        attributes = {name: self._attributes[name] for name in self._write_only}
        write_only = {name: loaded[attribute] for name, attribute in attributes.items() if attribute in loaded}
        # marshmallow may dump values that are not JSON, such as a Decimal: they are stored as text.
        dumped: Data = orjson.loads(orjson.dumps(self._schema.dump(loaded), default=str))
        return dumped | write_only


def validate(schema: Schema, document: Mapping[str, Any], optional: Sequence[str] = ()) -> Data:
    """Load a document with a schema. Raises HTTPError 400 with marshmallow's messages by field."""
    if found := _list_errors(schema, document):
        raise errors.VALIDATION_FAILED(found)
    try:
        loaded: Data = schema.load(document, partial=optional)
    except ValidationError as error:
        raise errors.VALIDATION_FAILED(error.messages_dict) from None
    return loaded


def _list_errors(schema: Schema, document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the errors of lists with too many elements; marshmallow would validate each element first."""
    found: dict[str, list[str]] = {}
    for name, field in schema.load_fields.items():
        value = document.get(field.data_key or name)
        if isinstance(field, List) and isinstance(value, list):
            for check in field.validators:
                try:
                    if isinstance(check, Length):
                        check(value)
                except ValidationError as error:
                    found[field.data_key or name] = [str(text) for text in error.messages]
    return found


def _check(schema: Schema, collection: Collection) -> None:
    fields = {field.data_key or name: field for name, field in schema.fields.items()}
    unique = fields.get(collection.unique or "")
    if collection.unique and not (isinstance(unique, String) and unique.required and not unique.allow_none):
        raise StartupError(
            f"{type(schema).__name__}: the unique field {collection.unique!r} of the collection "
            f"{collection.name!r} must be a required String that does not allow null."
        )
    if {name for name, field in fields.items() if field.load_only} != set(collection.write_only):
        raise StartupError(
            f"{type(schema).__name__}: the load_only fields of the schema and the write_only fields of the collection "
            f"{collection.name!r} differ; a write-only field must be listed in both."
        )
