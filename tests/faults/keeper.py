"""A client that writes to a store without pause, and knows what must be there after a fault."""

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

_LATER = 2**40
_ROUND = 10  # writes: the last of each round removes what the others made
_FILLING = "é" * 500  # so that records spill over pages


class State(NamedTuple):
    """What a keeper's last write left: its number, both records, and the highest id that its owner had so far."""

    name: str
    number: int = 0
    owner: Record | None = None
    thing: Record | None = None
    highest: int = 0


class Keeper:
    """Keeps an owner and a thing, which each write changes together; each write also revokes a key.

    state: what was acknowledged last. violations: what it found that must not be.
    """

    def __init__(self, store: Store, state: State) -> None:
        self.state = state
        self.violations: list[str] = []
        self.store = store
        self._doubt: StoreUnavailable | None = None

    async def step(self) -> None:
        """One more write. Raises StoreUnavailable; the next step then begins with finding out what became of it."""
        if self._doubt is not None:
            await self.look(kept_nothing=not self._doubt.unknown)
            self._doubt = None
        number = self.state.number + 1
        # Every other write may be sent again as it was.
        once = IdempotencyKey(f"{self.state.name} {number}", "", _LATER) if number % 2 else None
        changes = _changes(self.state)
        try:
            answer = await self.store.write(*changes, idempotency_key=once)
        except StoreUnavailable as error:
            self._doubt = None if once else error
            raise
        self._take(_after(self.state, [record for record in answer if record is not None]))

    async def status_and_message(self) -> None:
        """Try a write that must be refused as a whole, because the name is taken."""
        if self.state.owner is not None:
            try:
                await self.store.write(Add(THINGS, {"name": "refused"}), Add(OWNERS, {"name": self.state.name}))
                self._violated("was given a name twice")
            except DuplicateValue:
                pass

    async def look(self, *, kept_nothing: bool = False) -> None:
        """See that the last write acknowledged is there, and the one under way as a whole or not at all."""
        before = self.state
        done = [await self.store.revoked(f"{before.name} {before.number + ahead}") for ahead in (0, 1, 2)]
        owner = await self.store.lookup(OWNERS, before.name)
        things = await self.store.find(THINGS, Query((Condition(NAME, "eq", (before.name,)),)))
        if done[2] or (before.number and not done[0]):
            self._violated(f"has revoked {done}")
        if kept_nothing and done[1]:
            self._violated("has kept a write that was said to be not kept")
        wanted = before
        if done[1]:
            wanted = _after(before, [record for record in (owner, *things.records) if record is not None])
        found = [record for record in (owner, *things.records) if record is not None]
        if found != [record for record in (wanted.owner, wanted.thing) if record is not None]:
            self._violated(f"finds {found}")
        self._take(wanted)

    def _take(self, state: State) -> None:
        for record, kind in ((state.owner, OWNERS), (state.thing, THINGS)):
            if record is not None and record.body != _body(record.id, state, kind):
                self._violated(f"reads {record} as write {state.number}")
        moved = state.number != self.state.number and state.owner is not None
        if moved and state.owner is not None and state.owner.id <= self.state.highest:
            self._violated(f"is given the id {state.owner.id} again")
        self.state = state

    def _violated(self, what: str) -> None:
        self.violations.append(f"{what}, after {self.state}")


async def audit(store: Store) -> list[str]:
    """What is wrong with the store as a whole."""
    violations = []
    for collection in COLLECTIONS:
        ids = [record.id async for record, _ in store.scan(collection)]
        if (total := (await store.find(collection, Query(limit=1))).total) != len(set(ids)):
            violations.append(f"{collection.name} has {len(ids)} records, but counts {total}")
    if (await store.find(THINGS, Query((Condition(NAME, "eq", ("refused",)),)))).total:
        violations.append("half of a refused write was kept")
    return violations


def _changes(state: State) -> list[Operation]:
    """The next write."""
    number = state.number + 1
    changes: list[Operation] = [Revoke(f"{state.name} {number}", _LATER)]
    if state.owner is not None:
        changes.append(Remove(OWNERS, state.owner.id, state.owner.revision))
    if number % _ROUND:
        changes.append(Add(OWNERS, _data(state.name, number, OWNERS)))
        thing = _data(state.name, number, THINGS)
        old = state.thing
        changes.append(Add(THINGS, thing) if old is None else Replace(THINGS, old.id, thing, old.revision))
    elif state.thing is not None:
        changes.append(Remove(THINGS, state.thing.id))
    return changes


def _after(state: State, records: list[Record]) -> State:
    """What the next write leaves, if it answered these records."""
    owner, thing = records if len(records) == 2 else (None, None)
    highest = max(state.highest, owner.id if owner else 0)
    return State(state.name, state.number + 1, owner, thing, highest)


def _data(name: str, number: int, collection: Collection) -> dict[str, Any]:
    password = {"password": "secret"} if collection is OWNERS else {}
    return {"name": name, "number": number, "filling": _FILLING, **password}


def _body(id: int, state: State, collection: Collection) -> bytes:
    shown, _ = collection.split(_data(state.name, state.number, collection))
    return encode(id, shown)
