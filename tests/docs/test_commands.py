"""Every shell command of the documentation, run against a real service, and compared with the output the page shows."""

from __future__ import annotations

import ast
import re
import shutil
import socket
import tomllib
from pathlib import Path

import pytest

from service.settings.schema import ROOT
from tests.support import doc_shell
from tests.support.markdown import PAGES, Block, blocks, name_of, prose

NOT_RUN = {
    r"make (test|lint|format|coverage|help|test-\w+|bench|bench-small|lock)\b.*": "runs these tests or takes minutes",
    r"\.venv/bin/python -m (pytest tests|bench)\b.*": "runs these tests or takes minutes",
    r"npm .*": "installs from the registry of npm; tests/clients runs the files of examples/admin",
    r"(sudo|git|createdb|openssl|chmod|psql) .*": "changes the reader's machine",
}
"""Commands that are not run, and why."""
LANGUAGES = {"sh", "json", "http", "text", "python", "toml", "nginx", "jsx", "js", "ini", "sql"}
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
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
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


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_is_in_fenced_blocks_of_a_known_language(page: Path) -> None:
    text = page.read_text("utf-8")
    assert {block.language for block in blocks(text)} <= LANGUAGES
    assert re.findall(r"(?m)\n\n {4}\S.*$", prose(text)) == [], "an indented block is not tested"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_and_toml_blocks_can_be_read(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python":
            ast.parse(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_blocks_that_are_no_files_can_be_executed(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python" and block.file is None:
            exec(compile(block.text, f"{name_of(page)}:{block.line}", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_exist_are_shown_as_they_are(page: Path) -> None:
    shown: list[Block] = [it for it in blocks(page.read_text("utf-8")) if it.file and (ROOT / it.file).exists()]
    for block in shown:
        assert block.text in (ROOT / str(block.file)).read_text("utf-8"), block.file


def test_every_target_of_make_in_the_documentation_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))
    named = {name for page in PAGES for name in re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", _code(page))}
    assert named <= targets


def _code(page: Path) -> str:
    """The shell blocks of a page, and the code between backticks in its text."""
    text = page.read_text("utf-8")
    shell = [block.text for block in blocks(text) if block.language == "sh"]
    return "\n".join([*shell, *re.findall(r"`([^`\n]+)`", prose(text))])
