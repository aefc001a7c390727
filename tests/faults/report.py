"""What a program says at its end."""

from __future__ import annotations

from typing import NamedTuple

_MOST = 20  # violations shown
_LONGEST = 500  # characters of one


class Report(NamedTuple):
    """What was tried, with figures; and what was found that must not be."""

    tried: str
    violations: list[str]

    def __str__(self) -> str:
        tried = [f"  {line}" for line in self.tried.splitlines()]
        found = [f"  VIOLATION: {violation[:_LONGEST]}" for violation in self.violations[:_MOST]]
        return "\n".join([*tried, *found, f"  {len(self.violations)} violations"])
