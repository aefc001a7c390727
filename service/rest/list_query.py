"""The query parameters of a list, with the names of json-server 0.17, parsed to a Query for the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from marshmallow import Schema, ValidationError
from multidict import MultiMapping

from service import errors
from service.http.strict_json import MAX_INTEGER
from service.rest.filters import Filter, filters, typed_fields
from service.store.base import Condition, Field, Query, Sort

MAX_LIMIT = 1000
"""Maximum number of records in a response."""
DEFAULT_PAGE_SIZE = 10
"""Records of a page if `_page` is given without `_limit`."""
MAX_CONDITIONS = 32
MAX_VALUES = 20
"""Maximum number of values of a filter."""
MAX_SORT_KEYS = 5
CONTROLS = ("q", "_sort", "_order", "_start", "_end", "_limit", "_page", "_after", "_fields")
CONFLICTS = {"_page": {"_start", "_end", "_after"}, "_after": {"_sort", "_order", "_start", "_end"}, "_end": {"_limit"}}
"""Parameters that cannot be combined."""

DIGITS = frozenset("0123456789")


class ListQuery(NamedTuple):
    """The query of a list, and the fields of its records to return (None: all)."""

    query: Query
    fields: tuple[str, ...] | None = None


ALL = ListQuery(Query(limit=MAX_LIMIT))


class ListParameters:
    """The query parameters of a list of records with this schema."""

    def __init__(self, schema: Schema) -> None:
        self.filters = filters(schema)
        self.names = tuple(
            dict.fromkeys(("id", *(field.data_key or name for name, field in schema.dump_fields.items())))
        )
        typed = [field for field, _ in typed_fields(schema)]
        self.sortable = {field.name: field for field in typed if field.kind not in ("numbers", "texts")}
        self.searched = tuple(field for field in typed if field.kind in ("text", "texts"))

    def read(self, params: MultiMapping[str]) -> ListQuery:
        """Parse the parameters of a request. Raises HTTPError 400 with all errors, by parameter."""
        return ListQueryParser(self, params).parse() if params else ALL


class ListQueryParser:
    """Parses the parameters of one request and collects their errors."""

    def __init__(self, known: ListParameters, params: MultiMapping[str]) -> None:
        self._known = known
        self._params = params
        self._errors: dict[str, list[str]] = {}

    def parse(self) -> ListQuery:
        """Return the query. Raises HTTPError 400."""
        controls = {name: self._single(name) for name in dict.fromkeys(self._params) if name in CONTROLS}
        for name, others in CONFLICTS.items():
            for other in sorted(others & controls.keys()) if name in controls else ():
                self._error(other, f"Not together with {name}.")
        start, limit = self._window(controls)
        query = Query(
            where=tuple(self._conditions()),
            search=controls.get("q"),
            searched=self._known.searched,
            sort=self._sort(controls.get("_sort"), controls.get("_order")),
            start=start,
            limit=limit,
            after=self._integer(controls, "_after", 0, MAX_INTEGER),
        )
        fields = self._fields(controls.get("_fields"))
        if self._errors:
            raise errors.INVALID_PARAMETERS(self._errors)
        return ListQuery(query, fields)

    def _error(self, name: str, text: str) -> None:
        self._errors.setdefault(name, []).append(text)

    def _single(self, name: str) -> str:
        values = self._params.getall(name)
        if len(values) > 1:
            self._error(name, "Given more than once.")
        if "\0" in values[0]:
            self._error(name, "Not a valid string.")
        return values[0]

    def _conditions(self) -> Iterator[Condition]:
        names = [name for name in dict.fromkeys(self._params) if name not in CONTROLS]
        for place, name in enumerate(names):
            if name not in self._known.filters:
                self._error(name, "Unknown parameter.")
            elif place >= MAX_CONDITIONS:
                self._error(name, f"More than {MAX_CONDITIONS} filters.")
            else:
                yield self._condition(name, self._known.filters[name])

    def _condition(self, name: str, filter: Filter) -> Condition:
        values = []
        texts = self._params.getall(name)
        if not filter.repeatable and len(texts) > 1:
            self._error(name, "Given more than once.")
        if len(texts) > MAX_VALUES:
            self._error(name, f"More than {MAX_VALUES} values.")
        for text in texts[:MAX_VALUES]:
            try:
                values.append(filter.read(text))
            except ValidationError as error:
                self._errors[name] = error.messages if isinstance(error.messages, list) else [str(error)]
        return Condition(filter.field, filter.test, tuple(values))

    def _integer(self, controls: dict[str, str], name: str, low: int, high: int) -> int | None:
        text = controls.get(name)
        if text is None:
            return None
        value = int(text) if text and len(text) <= 16 and DIGITS.issuperset(text) else -1
        if not low <= value <= high:
            self._error(name, f"Not an integer from {low} to {high}.")
            return low
        return value

    def _window(self, controls: dict[str, str]) -> tuple[int, int]:
        """Return the number of records to skip, and the maximum number to return."""
        page = self._integer(controls, "_page", 1, MAX_INTEGER // MAX_LIMIT)
        start = self._integer(controls, "_start", 0, MAX_INTEGER) or 0
        end = self._integer(controls, "_end", 1, MAX_INTEGER)
        limit = self._integer(controls, "_limit", 1, MAX_LIMIT)
        if page is not None:
            size = limit or DEFAULT_PAGE_SIZE
            return (page - 1) * size, size
        if end is not None:
            if not start < end <= start + MAX_LIMIT:
                self._error("_end", f"Not between _start + 1 and _start + {MAX_LIMIT}.")
            return start, end - start
        return start, limit or MAX_LIMIT

    def _sort(self, names: str | None, orders: str | None) -> tuple[Sort, ...]:
        if names is None:
            if orders is not None:
                self._error("_order", "Only together with _sort.")
            return ()
        keys = names.split(",", MAX_SORT_KEYS)
        if len(keys) > MAX_SORT_KEYS:
            self._error("_sort", f"More than {MAX_SORT_KEYS} fields.")
        if len({key.removeprefix("-") for key in keys}) < len(keys):
            self._error("_sort", "A field is given more than once.")
        directions = [order.lower() for order in orders.split(",", MAX_SORT_KEYS)] if orders else []
        if len(directions) > len(keys) or not {"asc", "desc"}.issuperset(directions):
            self._error("_order", "Not asc or desc for each field of _sort.")
        directions += ["asc"] * len(keys)
        return tuple(self._sort_key(*pair) for pair in zip(keys[:MAX_SORT_KEYS], directions, strict=False))

    def _sort_key(self, key: str, direction: str) -> Sort:
        name = key.removeprefix("-")
        if name not in self._known.sortable:
            self._error("_sort", f"Cannot sort by {name!r}.")
        field = self._known.sortable.get(name, Field("id", "number"))
        return Sort(field, (direction == "desc") != key.startswith("-"))

    def _fields(self, names: str | None) -> tuple[str, ...] | None:
        if names is None:
            return None
        selected = tuple(dict.fromkeys(names.split(",", len(self._known.names))))
        for name in selected:
            if name not in self._known.names:
                self._error("_fields", f"There is no field {name[:100]!r}.")
        return selected
