"""A delivery that somebody captured and sends again, rightly signed: what it tells the second time."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pipeline.proving.oracle import Oracle
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery, join_headers
from pipeline.sources.http_signatures import TOLERANCE_S
from pipeline.sources.outcomes import Counted, Known
from pipeline.sources.registry import SOURCES
from pipeline.sources.signatures import STANDARD_TOLERANCE_S, TIKTOK_TOLERANCE_S
from pipeline.windows import ALL, Windows
from schemas.interaction import Interaction, encode_interaction
from tests.contract.corpus import Case, cases
from tests.factories import NOON_MS, make_interaction
from tests.integration.test_gateway_platforms import content
from tests.reading import NOW_MS, Reader

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
DAY_MS = 86_400_000
#: What has no time of its own in its delivery, of platforms that sign none: a replay moves it to the time of receipt.
MOVED = {
    "discourse": {("like", "add")},
    "mastodon": {("comment", "remove")},
    "wordpress": {("comment", "add"), ("post", "add")},
}
#: Deliveries without a time that the corpus does not have.
BESIDES: dict[str, Any] = {
    "x": {"data": {"event_type": "post.delete", "filter": {"user_id": "1"}, "payload": {"id": "9", "author_id": "1"}}},
    "cloudevents": {
        "specversion": "1.0",
        "type": "example.interaction.like.added",
        "source": "/platforms/shop/accounts/1",
        "data": {"post": "p", "id": "l"},
    },
}
#: Schemes that sign a time, and as the page has it.
SIGNED_TIMES = {
    "standardwebhooks": (STANDARD_TOLERANCE_S, "5 min"),
    "tiktok": (TIKTOK_TOLERANCE_S, "1 h"),
    "http-signature": (TOLERANCE_S, "12 h"),
}


def told(case: Case, received_ms: int) -> list[Interaction]:
    """What a delivery of the corpus tells at a time."""
    source, expected = SOURCES[case.expected["platform"]], case.expected
    headers, body = content(case)
    facts, known = expected.get("connection", {}), expected.get("directory", {})
    accounts = frozenset({facts["account"]} if "account" in facts else ())
    brand = frozenset(facts.get("brand_actors", ()))
    connection = Connection("test", source.name, source.schemes[0], accounts=accounts, brand_actors=brand)
    parsed = source.parse(Delivery(body, join_headers(headers.items()), received_ms=received_ms))
    context = Context(
        connection, received_ms, lambda _, actor: actor, {name: Known(**entry) for name, entry in known.items()}
    )
    return [one.interaction for one in source.normalise(parsed, context) if isinstance(one, Counted)]


def test_a_delivery_that_comes_again_tells_the_same_but_for_what_has_no_time() -> None:
    """Every platform of the corpus, a day later. What is moved is pinned here, and stands in the page's table."""
    moved: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for case in cases():
        first, again = told(case, NOW_MS), told(case, NOW_MS + DAY_MS)
        assert len(first) == len(again)
        for one, other in zip(first, again, strict=True):
            if one != other:
                assert (one.time_from, other.time_ms - one.time_ms) == ("received", DAY_MS), case.name
                moved[one.platform].add((one.kind, one.action))
    assert moved == MOVED


@pytest.mark.parametrize("platform", BESIDES)
def test_what_has_no_time_counts_at_its_receipt(platform: str) -> None:
    reader = Reader(platform, "1")
    reader.directory["9"] = Known("1", "9", "post")
    found = reader.one(BESIDES[platform])
    assert (found.time_ms, found.time_from) == (NOW_MS, "received")


@pytest.mark.parametrize(
    ("again_ms", "minutes"),
    [(NOON_MS, {"1m:2026-11-23T09:24"}), (NOON_MS + 60_000, {"1m:2026-11-23T09:25"})],
    ids=["its own time", "the time of receipt"],
)
def test_what_is_told_again_counts_once_and_where_its_newest_time_lies(again_ms: int, minutes: set[str]) -> None:
    """With its own time nothing happens; with the time of receipt it leaves the window that it was in."""
    windows = Windows.parse("1m:3h")
    oracle = Oracle(windows)
    for time_ms in (NOON_MS, again_ms):
        oracle.take(encode_interaction(make_interaction(kind="like", time_ms=time_ms)), again_ms)
    rows = {
        windows.field(code): counts[0]
        for _, page in oracle.pages()
        for code, counts in page.rows.items()
        if code != ALL
    }
    assert {field for field, likes in rows.items() if likes} == minutes


def rows_of_the_table() -> dict[str, list[str]]:
    """Cells by the platforms that a row is about."""
    section = PAGE.split("## Deliveries that are sent again")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.split("\n") if "| " in line]
    return {name: cells for cells in rows[1:] for name in re.findall(r"`([a-z]+)`", cells[0])}


def test_the_page_tells_of_every_platform_what_a_replay_does() -> None:
    """The platforms of the registry, no more and no fewer; where a time is signed, how old a delivery may be."""
    rows = rows_of_the_table()
    assert rows.keys() == SOURCES.keys()
    for platform, source in SOURCES.items():
        tolerance = SIGNED_TIMES.get(source.schemes[0])
        assert rows[platform][1] == (tolerance[1] if tolerance else "no"), platform
        assert ("time of receipt" in rows[platform][2]) == (platform in {*MOVED, *BESIDES}), platform


def test_tolerances_are_what_the_page_says() -> None:
    hours: dict[Any, int] = {"5 min": 300, "1 h": 3_600, "12 h": 43_200}
    assert all(hours[written] == seconds for seconds, written in SIGNED_TIMES.values())
