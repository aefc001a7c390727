"""An index of the store in memory, on one field."""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from service.store.base import Field, Scalar
from service.store.memory.conditions import TYPES


class Index:
    """The sorted ids of the records that have each value of a field."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._name, self._types = field.name, TYPES[field.kind]
        self._ids: dict[Scalar, list[int]] = {}

    def value(self, data: Mapping[str, Any]) -> Scalar | None:
        """Return the value of the field in a record, or None if it is not of the field's kind. Strings are interned."""
        value = data.get(self._name)
        if type(value) not in self._types:
            return None
        return sys.intern(value) if type(value) is str else value

    def update(self, id: int, old: Scalar | None, new: Scalar | None) -> None:
        """Change the value of a record; None means that it has none."""
        if old == new:
            return
        if old is not None:
            ids = self._ids[old]
            del ids[bisect_left(ids, id)]
            if not ids:
                del self._ids[old]
        if new is not None:
            insort(self._ids.setdefault(new, []), id)

    def ids_of(self, values: Iterable[Scalar]) -> Sequence[int]:
        """Return the sorted ids of the records with one of the values; valid until the next write."""
        found = [self._ids.get(value, []) for value in set(values)]
        return found[0] if len(found) == 1 else sorted(chain.from_iterable(found))
