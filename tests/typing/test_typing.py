"""What the author of a plugin sees under `mypy --strict`: modules/*.txt are checked as modules outside the project.

They are not .py files, so that mypy and ruff do not check them with the project. `assert_type` states the types of the
public API; a comment `# error: <code>` marks a line on which mypy must report exactly this error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from service.settings.schema import ROOT

MODULES = sorted((Path(__file__).parent / "modules").glob("*.txt"))
EXPECTED = re.compile(r"  # error: ([a-z-]+)$")
REPORTED = re.compile(r"^(.+)\.py:(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)
# Errors in service/ are not reported, as in an installed package.
OPTIONS = ("--strict", "--config-file=", f"--cache-dir={os.devnull}", "--follow-imports=silent", "--no-pretty")

Errors = Counter[tuple[str, int, str]]
"""How often mypy reports an error, by module, line and code."""


def expected_errors() -> Errors:
    errors = Errors()
    for path in MODULES:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if match := EXPECTED.search(line):
                errors[path.stem, number, match[1]] += 1
    return errors


def run_mypy(folder: Path) -> str:
    """Return the output of mypy for copies of the modules in a folder."""
    files = [path.with_suffix(".py").name for path in MODULES]
    for path, file in zip(MODULES, files, strict=True):
        (folder / file).write_text(path.read_text("utf-8"), "utf-8")
    command = [sys.executable, "-m", "mypy", *OPTIONS, *files]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert run.stderr == ""
    return run.stdout


def test_mypy_reports_exactly_the_expected_errors(tmp_path: Path) -> None:
    output = run_mypy(tmp_path)
    reported = Errors((module, int(line), code) for module, line, code in REPORTED.findall(output))
    assert reported == expected_errors(), output
    assert {module for module, _, _ in reported} == {"mistakes"}
    assert f"Found {reported.total()} errors in 1 file (checked {len(MODULES)} source files)" in output


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "service/py.typed").is_file()
