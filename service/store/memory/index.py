"""The index of the memory store on one field."""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from service.store.base import Field, Scalar
from service.store.memory.conditions import TYPES


class Index:
    """The ids of the records that have a value in this field, in their order, by the value."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._name, self._types = field.name, TYPES[field.kind]
        self._ids: dict[Scalar, list[int]] = {}

    def value(self, data: Mapping[str, Any]) -> Scalar | None:
        """What a record has in this field; None if nothing of the field's kind. Equal texts are one object."""
        found = data.get(self._name)
        if type(found) not in self._types:
            return None
        return sys.intern(found) if type(found) is str else found

    def move(self, id: int, old: Scalar | None, new: Scalar | None) -> None:
        """The record has another value; None for none."""
        if old == new:
            return
        if old is not None:
            ids = self._ids[old]
            del ids[bisect_left(ids, id)]
            if not ids:
                del self._ids[old]
        if new is not None:
            insort(self._ids.setdefault(new, []), id)

    def ids(self, values: Iterable[Scalar]) -> Sequence[int]:
        """The records that have one of the values; good until the next write."""
        found = [self._ids.get(value, []) for value in set(values)]
        return found[0] if len(found) == 1 else sorted(chain.from_iterable(found))
