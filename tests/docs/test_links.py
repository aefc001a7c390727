"""The links of the documentation: each relative one points to a file, and to a heading in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings.schema import ROOT
from tests.support.markdown import PAGES, anchors, links, name_of


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=name_of)
def test_relative_links_point_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in links(page.read_text("utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        missing = not target.exists() or not target.is_relative_to(ROOT)
        if missing or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in links((ROOT / "README.md").read_text("utf-8"))}
    pages = {name_of(page) for page in (ROOT / "docs").glob("*.md")}
    assert pages <= linked


def test_anchors_are_those_of_github() -> None:
    text = "# A `b` & c\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n## [Link](x.md), _x_\n"
    assert anchors(text) == {"a-b--c", "twice", "twice-1", "link-_x_"}
