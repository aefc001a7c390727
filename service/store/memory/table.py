"""The rows of one collection in memory."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from service.store.base import Page, Query, Record, Scalar
from service.store.memory.index import Index

Row = tuple[int, int, bytes, bytes, str | None, tuple[Scalar | None, ...]]
"""Id, revision, body, write-only fields (JSON), unique key, the value for each index.

A plain tuple of immutable values, because the garbage collector does not track such tuples. With 100,000 objects that
it tracks, a full collection would block the event loop for 100 ms.
"""


def to_record(row: Row) -> Record:
    """Return the record of a row."""
    return tuple.__new__(Record, row[:3])  # twice as fast as Record(*row[:3])


@dataclass(slots=True)
class Table:
    """The rows of one collection.

    rows: by id. sorted_rows: in the order of their ids. ids: the id for each unique key.
    last_id: the largest id that was ever used.
    cached_page: the last page without conditions and its query, until the next write.
    """

    indexes: tuple[Index, ...] = ()
    rows: dict[int, Row] = field(default_factory=dict)
    sorted_rows: list[Row] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    last_id: int = 0
    cached_page: tuple[Query, Page] | None = None

    def position(self, id: int) -> int:
        """Return the number of rows with a smaller id."""
        return bisect_left(self.sorted_rows, (id,))

    def save(self, row: Row) -> None:
        """Insert a row, or replace the one with the same id."""
        self.cached_page = None
        id, key = row[0], row[4]
        position = self.position(id)
        old = self.rows.get(id)
        if old is None:
            self.sorted_rows.insert(position, row)
        else:
            self.sorted_rows[position] = row
            self._remove_key(old)
        self.rows[id] = row
        if old is None or old[5] != row[5]:
            self._update_indexes(id, old, row)
        if key is not None:
            self.ids[key] = id
        self.last_id = max(self.last_id, id)

    def delete(self, id: int) -> None:
        """Delete the row with this id."""
        self.cached_page = None
        del self.sorted_rows[self.position(id)]
        row = self.rows.pop(id)
        self._remove_key(row)
        self._update_indexes(id, row, None)

    def restore(self, id: int, row: Row | None, last_id: int) -> None:
        """Undo a `save` or `delete`: `row` and `last_id` are what they were before it."""
        if row is not None:
            self.save(row)
        elif id in self.rows:
            self.delete(id)
        self.last_id = last_id

    def _remove_key(self, row: Row) -> None:
        if (key := row[4]) is not None:
            del self.ids[key]

    def _update_indexes(self, id: int, old: Row | None, new: Row | None) -> None:
        for place, index in enumerate(self.indexes):
            index.update(id, old[5][place] if old else None, new[5][place] if new else None)
