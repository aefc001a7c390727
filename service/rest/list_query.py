"""The grammar of lists: what a client writes behind the `?`, in json-server 0.17's dialect -> a Query for the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from marshmallow import Schema, ValidationError
from multidict import MultiMapping

from service.errors import HTTPError
from service.http.strict_json import LARGEST
from service.rest.filters import Parameter, parameters, typed_fields
from service.store.base import Condition, Field, Query, Sort

MOST = 1000
"""Records in one answer."""
PAGE = 10
"""Records of a `_page` where no `_limit` says how many."""
CONTROLS = ("q", "_sort", "_order", "_start", "_end", "_limit", "_page", "_after", "_fields")
CLASHES = {"_page": {"_start", "_end", "_after"}, "_after": {"_sort", "_order", "_start", "_end"}, "_end": {"_limit"}}
"""Which parameters say the same thing in two ways."""

DIGITS = frozenset("0123456789")


class ListQuery(NamedTuple):
    """What a client asked for: which records, and which of their fields (None: all)."""

    query: Query
    fields: tuple[str, ...] | None = None


ALL = ListQuery(Query(limit=MOST))


class ListParameters:
    """The parameters that lists of one schema's records understand."""

    def __init__(self, schema: Schema) -> None:
        self.filters = parameters(schema)
        self.names = tuple(
            dict.fromkeys(("id", *(field.data_key or name for name, field in schema.dump_fields.items())))
        )
        kinds = [field for field, _ in typed_fields(schema)]
        self.sortable = {field.name: field for field in kinds if field.kind not in ("numbers", "texts")}
        self.searched = tuple(field for field in kinds if field.kind in ("text", "texts"))

    def read(self, params: MultiMapping[str]) -> ListQuery:
        """The listing that the parameters ask for. Raises HTTPError 400 with every fault, by parameter."""
        return Reading(self, params).listing() if params else ALL


class Reading:
    """One reading of one request's parameters, collecting what is wrong with them."""

    def __init__(self, grammar: ListParameters, params: MultiMapping[str]) -> None:
        self._grammar = grammar
        self._params = params
        self._wrong: dict[str, list[str]] = {}

    def listing(self) -> ListQuery:
        """The listing. Raises HTTPError 400."""
        controls = {name: self._once(name) for name in self._params if name in CONTROLS}
        for name, others in CLASHES.items():
            for other in sorted(others & controls.keys()) if name in controls else ():
                self._refuse(other, f"Not together with {name}.")
        where = tuple(self._conditions())
        start, limit = self._window(controls)
        query = Query(
            where=where,
            search=controls.get("q"),
            searched=self._grammar.searched,
            sort=self._sort(controls.get("_sort"), controls.get("_order")),
            start=start,
            limit=limit,
            after=self._whole(controls, "_after", 0, LARGEST),
        )
        fields = self._fields(controls.get("_fields"))
        if self._wrong:
            raise HTTPError(400, self._wrong, code="invalid_parameters")
        return ListQuery(query, fields)

    def _refuse(self, name: str, text: str) -> None:
        self._wrong.setdefault(name, []).append(text)

    def _once(self, name: str) -> str:
        values = self._params.getall(name)
        if len(values) > 1:
            self._refuse(name, "Given more than once.")
        if "\0" in values[0]:
            self._refuse(name, "Not a valid string.")
        return values[0]

    def _conditions(self) -> Iterable[Condition]:
        for name in dict.fromkeys(self._params):
            if name in self._grammar.filters:
                yield self._condition(name, self._grammar.filters[name])
            elif name not in CONTROLS:
                self._refuse(name, "Unknown parameter.")

    def _condition(self, name: str, parameter: Parameter) -> Condition:
        values = []
        texts = self._params.getall(name)
        if not parameter.repeatable and len(texts) > 1:
            self._refuse(name, "Given more than once.")
        for text in texts:
            try:
                values.append(parameter.read(text))
            except ValidationError as error:
                self._wrong[name] = error.messages if isinstance(error.messages, list) else [str(error)]
        return Condition(parameter.field, parameter.test, tuple(values))

    def _whole(self, controls: dict[str, str], name: str, low: int, high: int) -> int | None:
        text = controls.get(name)
        if text is None:
            return None
        value = int(text) if text and len(text) <= 16 and DIGITS.issuperset(text) else -1
        if not low <= value <= high:
            self._refuse(name, f"Not a whole number from {low} to {high}.")
            return low
        return value

    def _window(self, controls: dict[str, str]) -> tuple[int, int]:
        """Where the part asked for begins, and how many records it has."""
        page = self._whole(controls, "_page", 1, LARGEST // MOST)
        start = self._whole(controls, "_start", 0, LARGEST) or 0
        end = self._whole(controls, "_end", 1, LARGEST)
        limit = self._whole(controls, "_limit", 1, MOST)
        if page is not None:
            size = limit or PAGE
            return (page - 1) * size, size
        if end is not None:
            if not start < end <= start + MOST:
                self._refuse("_end", f"Not between _start + 1 and _start + {MOST}.")
            return start, end - start
        return start, limit or MOST

    def _sort(self, names: str | None, orders: str | None) -> tuple[Sort, ...]:
        if names is None:
            if orders is not None:
                self._refuse("_order", "Only together with _sort.")
            return ()
        keys = names.split(",")
        ways = [way.lower() for way in orders.split(",")] if orders else []
        if len(ways) > len(keys) or not {"asc", "desc"}.issuperset(ways):
            self._refuse("_order", "Not asc or desc for each field of _sort.")
        descending = [way == "desc" for way in ways] + [False] * len(keys)
        return tuple(self._by(key, turned) for key, turned in zip(keys, descending, strict=False))

    def _by(self, key: str, descending: bool) -> Sort:
        name = key.removeprefix("-")
        if name not in self._grammar.sortable:
            self._refuse("_sort", f"Cannot sort by {name!r}.")
        field = self._grammar.sortable.get(name, Field("id", "number"))
        return Sort(field, descending != key.startswith("-"))

    def _fields(self, names: str | None) -> tuple[str, ...] | None:
        if names is None:
            return None
        wanted = tuple(names.split(","))
        for name in wanted:
            if name not in self._grammar.names:
                self._refuse("_fields", f"There is no field {name!r}.")
        return wanted
