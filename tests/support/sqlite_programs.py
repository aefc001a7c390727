"""Open SQLite stores, in this process and in others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from service.store.base import Collection
from service.store.sqlite import SQLiteStore

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from service.store.base import DuplicateValue
from service.store.sqlite import SQLiteStore
from tests.support.collections import COLLECTIONS, THINGS, USERS, user

async def main():
    store = SQLiteStore(Path(sys.argv[1]))
    await store.open(COLLECTIONS)
    await work(store)
    await store.close()

{work}
asyncio.run(main())
"""
ADD_FOREVER = """
async def work(store):
    while True:
        print((await store.add(THINGS, {"text": "é" * 999})).id, flush=True)
"""
"""Prints each acknowledged id."""
ADD_HUNDRED = """
async def add(store, number):
    try:
        print(USERS.name, (await store.add(USERS, user(f"{number}"))).id)
    except DuplicateValue:
        pass
    print(THINGS.name, (await store.add(THINGS, {})).id)

async def work(store):
    for ten in range(0, 100, 10):
        await asyncio.gather(*(add(store, ten + one) for one in range(10)))
"""
"""Prints each collection and id; the users have the same names in every process that runs this."""
LOCK = """
import sqlite3

async def work(store):
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print("locked", flush=True)
    sys.stdin.read()
    connection.close()
"""
"""Locks the file until the end of standard input, and prints `locked`."""


async def opened(path: Path, *collections: Collection) -> SQLiteStore:
    """Return an open store."""
    store = SQLiteStore(path)
    await store.open(collections)
    return store


def start(path: Path, work: str) -> subprocess.Popen[str]:
    """Start a process that runs one of the programs above on the store in a file."""
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.replace("{work}", work), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
