"""A page for every platform, found from the overview; its connections are ones that a gateway accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.gateway.connections import load
from pipeline.sources.outcomes import REASONS
from pipeline.sources.registry import SOURCES

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS.parent / "deploy" / "connections.example.toml"
PAGES = sorted((DOCS / "platforms").glob("*.md"))


def test_every_platform_has_a_page_and_a_row_in_the_overview() -> None:
    """And no page is about a platform that does not exist."""
    overview = (DOCS / "platforms.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`([a-z]+)`\]\(platforms/([a-z]+)\.md\) \|", overview, re.MULTILINE)
    assert sorted(rows) == sorted((name, name) for name in SOURCES)
    assert {page.stem for page in PAGES} == set(SOURCES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_arrives_how_it_is_connected_and_what_it_cannot_tell(page: Path) -> None:
    headings = re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    wanted = ["What it delivers", "How to connect it", "What it cannot tell"]
    assert [heading for heading in headings if heading in wanted] == wanted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_connections_of_a_page_are_accepted(page: Path, tmp_path: Path) -> None:
    """Each is of the page's platform."""
    blocks = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.toml"
        file.write_text(block, encoding="utf-8")
        assert {connection.platform for connection in load(file)[0].values()} == {page.stem}
    assert blocks


def test_the_example_file_has_a_connection_of_every_platform(tmp_path: Path) -> None:
    """As it stands it is accepted, and so it is with the # taken away from all of its examples."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert load(EXAMPLE)[0]
    file = tmp_path / "connections.toml"
    file.write_text(re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE), encoding="utf-8")
    assert sorted(connection.platform for connection in load(file)[0].values()) == sorted(SOURCES)


def test_the_overview_explains_every_reason() -> None:
    overview = (DOCS / "platforms.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z_]+)` \|", overview, re.MULTILINE) == ["ignored", *REASONS]
