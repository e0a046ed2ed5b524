"""The pages hang together: every relative link leads to a file and a heading, every file that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (heading and heading not in _headings(target)):
            broken.append(link)
    assert broken == []


def test_the_readme_leads_to_every_page() -> None:
    """No page of docs/ can be missed by who begins at the README."""
    linked = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} - linked == set()


@pytest.mark.parametrize(("page", "link"), [("docs/gateway.md", "load.md"), ("CHANGELOG.md", "docs/load.md")])
def test_a_page_that_sends_the_reader_to_the_load_has_a_link_for_it(page: str, link: str) -> None:
    """Not the word alone, which leads nowhere."""
    assert link in LINK.findall((ROOT / page).read_text(encoding="utf-8"))


def test_every_file_that_the_architecture_names_exists() -> None:
    """A name without a folder lies in the folder of the name before it."""
    lines = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    missing = []
    for line in lines:
        folder = ROOT
        for name in re.findall(r"`([\w/]+\.(?:pyx|py|lua))`", line):
            path = (ROOT if "/" in name else folder) / name
            folder = path.parent
            missing += [] if path.is_file() else [name]
    assert missing == []


def _headings(page: Path) -> set[str]:
    """The anchors of a page's headings: lower case, words joined by hyphens."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
