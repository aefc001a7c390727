"""`python -m tests.faults [NAME ...]`: run all trials, or those named, at full size; exit 1 if there are violations."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import sys
import time

NAMES = ("full_disk", "power", "sqlite_kills", "linearizability", "postgres_kills", "outages")


def main() -> int:
    """Run the trials that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown name: {', '.join(sorted(unknown))}")
    logging.disable()  # the stores log the injected faults
    violations = 0
    for name in names:
        started = time.monotonic()
        report = asyncio.run(importlib.import_module(f"tests.faults.{name}").run())
        print(f"{name} ({time.monotonic() - started:.0f} s)\n{report}", flush=True)  # noqa: T201
        violations += len(report.violations)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
