"""What the memory store keeps of one collection."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from service.store.base import Page, Query, Record, Scalar
from service.store.memory.index import Index

# Id, revision, body, hidden fields (JSON), key, the value for each index. A plain tuple of plain values, because the
# garbage collector leaves such alone; with 100,000 objects that hold dicts, each of its full rounds would hold the loop
# for 100 ms.
Row = tuple[int, int, bytes, bytes, str | None, tuple[Scalar | None, ...]]


def record(row: Row) -> Record:
    """The record that a row is kept for."""
    return tuple.__new__(Record, row[:3])  # Record(*row[:3]), in half the time


@dataclass(slots=True)
class Table:
    """The rows of one collection: by id, in the order of the ids, by indexed fields, and the id of each unique key."""

    indexes: tuple[Index, ...] = ()
    rows: dict[int, Row] = field(default_factory=dict)
    ordered: list[Row] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    last: int = 0
    page: tuple[Query, Page] | None = None
    """The last page without conditions that was asked for; None once it may be another."""

    def place(self, id: int) -> int:
        """How many rows have a lower id."""
        return bisect_left(self.ordered, (id,))

    def put(self, row: Row) -> None:
        """Keep this row, in the place of the one with its id if there is one."""
        self.page = None
        id, key = row[0], row[4]
        place = self.place(id)
        if (old := self.rows.get(id)) is None:
            self.ordered.insert(place, row)
        else:
            self.ordered[place] = row
            self._forget(old)
        self.rows[id] = row
        if old is None or old[5] != row[5]:
            self._index(id, old, row)
        if key is not None:
            self.ids[key] = id
        self.last = max(self.last, id)

    def drop(self, id: int) -> None:
        """Keep no row with this id."""
        self.page = None
        del self.ordered[self.place(id)]
        row = self.rows.pop(id)
        self._forget(row)
        self._index(id, row, None)

    def _forget(self, row: Row) -> None:
        if (key := row[4]) is not None:
            del self.ids[key]

    def _index(self, id: int, old: Row | None, new: Row | None) -> None:
        for place, index in enumerate(self.indexes):
            index.move(id, old[5][place] if old else None, new[5][place] if new else None)

    def restore(self, id: int, row: Row | None, last: int) -> None:
        """Be as before the row with this id was put or dropped."""
        if row is not None:
            self.put(row)
        elif id in self.rows:
            self.drop(id)
        self.last = last
