"""RecordSchema: a client's JSON object -> the data of a record, checked by a schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from marshmallow import Schema, ValidationError
from marshmallow.fields import String

from service.errors import HTTPError, StartupError
from service.rest.fast_validation import compile_schema
from service.rest.merge_patch import merge
from service.store.base import Collection, Record

Data = dict[str, Any]
NONE: dict[str, Any] = {}


class RecordSchema:
    """What the records of a collection look like, and how one is read from what a client sends."""

    def __init__(self, schema: Schema, collection: Collection) -> None:
        """Raises StartupError if schema and collection disagree on what is hidden or unique."""
        self._schema = schema
        self._accepts = compile_schema(schema)
        self._hidden = collection.write_only
        fields = {field.data_key or name: field for name, field in schema.fields.items()}
        self._names = tuple(name for name, field in fields.items() if not field.dump_only)
        self._inner = {field.data_key or name: field.attribute or name for name, field in schema.fields.items()}
        self.read_only = frozenset(name for name, field in fields.items() if field.dump_only) - {"id"}
        unique = fields.get(collection.unique or "")
        if collection.unique and not (isinstance(unique, String) and unique.required and not unique.allow_none):
            raise StartupError(
                f"{type(schema).__name__}: the unique field {collection.unique!r} of the collection "
                f"{collection.name!r} must be required text, never null."
            )
        if {name for name, field in fields.items() if field.load_only} != set(self._hidden):
            raise StartupError(
                f"{type(schema).__name__}: the load_only fields of the schema and the hidden fields of the collection "
                f"{collection.name!r} differ: what nobody may read has to be in both."
            )

    def load(
        self,
        document: Mapping[str, Any],
        id: int | None = None,
        kept: Data = NONE,
        partial: Sequence[str] = (),
    ) -> Data:
        """The data of a new record, or of the record `id` anew, whose read-only fields are `kept`.

        A field in `partial` may be missing, required or not.

        Raises HTTPError 400.
        """
        given = dict(document)
        if id is not None and "id" in given:
            sent = given.pop("id")
            if type(sent) is not int or sent != id:
                raise HTTPError(400, "Request data id has to match resource id.", code="id_mismatch")
        for name, value in kept.items():
            if name in given and given[name] == value:
                del given[name]
        checked = self._checked(given, partial)
        return {**checked, **kept} if kept else checked

    def merge(self, record: Record, patch: Mapping[str, Any]) -> Data:
        """The data of a record after a merge patch (RFC 7396). Hidden fields that it leaves out stay as they are.

        Raises HTTPError 400.
        """
        old = record.data
        del old["id"]
        merged = merge(old, patch)
        # A hidden field is not in `old`, so its null has nothing to remove: it is a wrong value.
        merged |= {name: None for name in self._hidden if name in patch and patch[name] is None}
        given = {"id": patch["id"], **merged} if "id" in patch else merged
        return self.load(given, record.id, self.kept(record), partial=self._hidden)

    def kept(self, record: Record) -> Data:
        """The read-only fields of a record."""
        return {name: value for name, value in record.data.items() if name in self.read_only}

    def _checked(self, given: Data, partial: Sequence[str]) -> Data:
        if self._accepts is not None and not partial and self._accepts(given):
            in_order = tuple(given) == self._names
            return given if in_order else {name: given[name] for name in self._names if name in given}
        loaded = load(self._schema, given, partial)
        hidden = {name: loaded[self._inner[name]] for name in self._hidden if self._inner[name] in loaded}
        # What marshmallow dumps may be more than JSON has, such as a Decimal: that is kept as text.
        return orjson.loads(orjson.dumps(self._schema.dump(loaded), default=str)) | hidden  # type: ignore[no-any-return]


def load(schema: Schema, document: Mapping[str, Any], partial: Sequence[str] = ()) -> Data:
    """What a schema makes of an object. Raises HTTPError 400 with marshmallow's texts by field."""
    try:
        loaded: Data = schema.load(document, partial=partial)
    except ValidationError as error:
        raise HTTPError(400, error.messages_dict, code="validation_failed") from None
    return loaded
