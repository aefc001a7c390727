"""A client that writes to a store continuously and knows what the store must contain after a fault."""

from __future__ import annotations

from typing import Any, NamedTuple

from service.store.base import (
    Add,
    Collection,
    Condition,
    DuplicateValue,
    Field,
    IdempotencyKey,
    Operation,
    Query,
    Record,
    Remove,
    Replace,
    Revoke,
    Store,
    StoreUnavailable,
    encode,
)

NAME = Field("name", "text")
OWNERS = Collection("owners", unique="name", write_only=("password",))
THINGS = Collection("things", indexed=(NAME,))
COLLECTIONS = (OWNERS, THINGS)

_EXPIRES = 2**40
_REMOVE_EVERY = 10  # writes
_FILLING = "é" * 500  # so that records span several pages


class State(NamedTuple):
    """The state after the last write: its number, both records, and the largest id that the owner ever had."""

    name: str
    number: int = 0
    owner: Record | None = None
    thing: Record | None = None
    largest_id: int = 0


class CheckedWriter:
    """Writes an owner and a thing, both in each transaction, and revokes a key with each write.

    state: the state after the last acknowledged write.
    violations: what it found in the store that should not be there.
    """

    def __init__(self, store: Store, state: State) -> None:
        self.state = state
        self.violations: list[str] = []
        self.store = store
        self._unresolved: StoreUnavailable | None = None

    async def write(self) -> None:
        """Write once. Raises StoreUnavailable; the next call then first checks what has become of the write."""
        if self._unresolved is not None:
            await self.check(must_be_rolled_back=not self._unresolved.unknown)
            self._unresolved = None
        number = self.state.number + 1
        # Every second write has a key, so it can simply be repeated.
        key = IdempotencyKey(f"{self.state.name} {number}", "", _EXPIRES) if number % 2 else None
        operations = _next_operations(self.state)
        try:
            result = await self.store.write(*operations, idempotency_key=key)
        except StoreUnavailable as error:
            self._unresolved = None if key else error
            raise
        self._accept(_next_state(self.state, [record for record in result if record is not None]))

    async def write_duplicate(self) -> None:
        """Try a write that must be rejected as a whole, because its second operation adds a duplicate name."""
        if self.state.owner is not None:
            try:
                await self.store.write(Add(THINGS, {"name": "rejected"}), Add(OWNERS, {"name": self.state.name}))
                self._add_violation("a duplicate name was accepted")
            except DuplicateValue:
                pass

    async def check(self, *, must_be_rolled_back: bool = False) -> None:
        """Check that the last acknowledged write is in the store, and the one after it completely or not at all."""
        before = self.state
        revoked = [await self.store.revoked(f"{before.name} {before.number + ahead}") for ahead in (0, 1, 2)]
        owner = await self.store.lookup(OWNERS, before.name)
        things = await self.store.find(THINGS, Query((Condition(NAME, "eq", (before.name,)),)))
        if revoked[2] or (before.number and not revoked[0]):
            self._add_violation(f"revoked: {revoked}")
        if must_be_rolled_back and revoked[1]:
            self._add_violation("a write was committed that was reported as rolled back")
        expected = before
        if revoked[1]:
            expected = _next_state(before, [record for record in (owner, *things.records) if record is not None])
        found = [record for record in (owner, *things.records) if record is not None]
        if found != [record for record in (expected.owner, expected.thing) if record is not None]:
            self._add_violation(f"found {found}")
        self._accept(expected)

    def _accept(self, state: State) -> None:
        for record, collection in ((state.owner, OWNERS), (state.thing, THINGS)):
            if record is not None and record.body != _body(record.id, state, collection):
                self._add_violation(f"write {state.number} has the result {record}")
        is_new = state.number != self.state.number and state.owner is not None
        if is_new and state.owner is not None and state.owner.id <= self.state.largest_id:
            self._add_violation(f"the id {state.owner.id} was used again")
        self.state = state

    def _add_violation(self, text: str) -> None:
        self.violations.append(f"{text}, after {self.state}")


async def check_store(store: Store) -> list[str]:
    """Check the store as a whole, and return the violations."""
    violations = []
    for collection in COLLECTIONS:
        ids = [record.id async for record, _ in store.scan(collection)]
        if (total := (await store.find(collection, Query(limit=1))).total) != len(set(ids)):
            violations.append(f"{collection.name} has {len(ids)} records, but the total is {total}")
    if (await store.find(THINGS, Query((Condition(NAME, "eq", ("rejected",)),)))).total:
        violations.append("a part of a rejected write was committed")
    return violations


def _next_operations(state: State) -> list[Operation]:
    """Return the operations of the next write."""
    number = state.number + 1
    operations: list[Operation] = [Revoke(f"{state.name} {number}", _EXPIRES)]
    if state.owner is not None:
        operations.append(Remove(OWNERS, state.owner.id, state.owner.revision))
    if number % _REMOVE_EVERY:
        operations.append(Add(OWNERS, _data(state.name, number, OWNERS)))
        thing = _data(state.name, number, THINGS)
        old = state.thing
        operations.append(Add(THINGS, thing) if old is None else Replace(THINGS, old.id, thing, old.revision))
    elif state.thing is not None:
        operations.append(Remove(THINGS, state.thing.id))
    return operations


def _next_state(state: State, records: list[Record]) -> State:
    """Return the state after the next write, if its result is these records."""
    owner, thing = records if len(records) == 2 else (None, None)
    largest_id = max(state.largest_id, owner.id if owner else 0)
    return State(state.name, state.number + 1, owner, thing, largest_id)


def _data(name: str, number: int, collection: Collection) -> dict[str, Any]:
    password = {"password": "secret"} if collection is OWNERS else {}
    return {"name": name, "number": number, "filling": _FILLING, **password}


def _body(id: int, state: State, collection: Collection) -> bytes:
    readable, _ = collection.split(_data(state.name, state.number, collection))
    return encode(id, readable)
