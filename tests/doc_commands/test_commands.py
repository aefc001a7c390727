"""Run every shell command of the documentation against a real service, and compare the output with the page.

Requires curl.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from service.settings.schema import ROOT
from tests.support import doc_shell
from tests.support.markdown import PAGES, blocks, name_of

NOT_RUN = {
    r"make (test|lint|format|coverage|help|test-\w+|bench|bench-small|lock)\b.*": "runs these tests or takes minutes",
    r"\.venv/bin/python -m (pytest tests|bench)\b.*": "runs these tests or takes minutes",
    r"npm .*": "installs from the registry of npm; make test-clients runs the files of examples/admin",
    r"(sudo|git|createdb|openssl|chmod|psql) .*": "changes the reader's machine",
}
"""Commands that are not run, and why."""
POSTGRES = re.compile(r"postgresql://[^\s'\"?]+")


def page_steps(page: Path) -> list[doc_shell.Step]:
    """The shell blocks of a page without the lines that are not run."""
    found = []
    for step in doc_shell.steps(blocks(page.read_text("utf-8"))):
        lines = [line for line in step.block.text.splitlines() if not _exempt(line)]
        if any(line.strip() and not line.startswith("#") for line in lines):
            found.append(step._replace(block=step.block._replace(text="\n".join(lines))))
    return found


def _exempt(line: str) -> bool:
    command = re.sub(r"^(\w+=\S* +)*|\s+#.*", "", line)
    return any(re.fullmatch(pattern, command) for pattern in NOT_RUN)


RUN = [page for page in PAGES if page.exists() and page_steps(page)]


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_commands_of_a_page_do_what_it_shows(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest, port: int
) -> None:
    doc_shell.copy_project(tmp_path)
    text = page.read_text("utf-8")
    for block in blocks(text):
        if block.file is not None and not (ROOT / block.file).exists():
            path = tmp_path / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    steps = page_steps(page)
    urls = {url for step in steps for url in POSTGRES.findall(step.block.text)}
    database = str(request.getfixturevalue("postgres_url")) if urls else ""
    doc_shell.run(steps, tmp_path, port, dict.fromkeys(urls, database))


@pytest.fixture
def port() -> int:
    """A port of 127.0.0.1 that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
