"""What a program says at its end."""

from __future__ import annotations

from typing import NamedTuple


class Report(NamedTuple):
    """What was tried, with figures; and what was found that must not be."""

    tried: str
    violations: list[str]

    def __str__(self) -> str:
        found = [f"  VIOLATION: {violation}" for violation in self.violations[:20]]
        return "\n".join(
            [*(f"  {line}" for line in self.tried.splitlines()), *found, f"  {len(self.violations)} violations"]
        )
