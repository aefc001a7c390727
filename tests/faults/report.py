"""The report of a trial."""

from __future__ import annotations

from typing import NamedTuple

_MAX_VIOLATIONS = 20  # shown
_MAX_CHARACTERS = 500  # of a violation


class Report(NamedTuple):
    """A summary of the trial, and the violations that it found."""

    summary: str
    violations: list[str]

    def __str__(self) -> str:
        summary = [f"  {line}" for line in self.summary.splitlines()]
        violations = [f"  VIOLATION: {text[:_MAX_CHARACTERS]}" for text in self.violations[:_MAX_VIOLATIONS]]
        return "\n".join([*summary, *violations, f"  {len(self.violations)} violations"])


def combined(reports: list[Report]) -> Report:
    """Return one report with the content of all."""
    violations = [violation for report in reports for violation in report.violations]
    return Report("\n".join(report.summary for report in reports), violations)
