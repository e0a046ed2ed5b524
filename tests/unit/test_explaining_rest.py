"""Which rejected records are about a page, and what is said where Redis holds another number than the topic."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from pipeline.cli.explain import parse_page
from pipeline.errors import QueryError
from pipeline.explaining.rejections import Rejections
from pipeline.explaining.verdicts import Evidence, column_sums
from pipeline.windows import ALL
from schemas.interaction import Interaction, encode_interaction
from schemas.rejected import Rejected, Stage, encode_rejected
from tests.explained import WINDOWS, target_of
from tests.factories import NOON_MS, make_interaction

DELIVERY = {"entry": [{"id": "1001", "changes": [{"value": {"post_id": "p1", "sender_id": 77}}]}]}
FEED = b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:yt="http://www.youtube.com/xml/schemas/2015">
<entry><yt:channelId>UC1</yt:channelId></entry></feed>"""
WHOLE = Evidence(cut=False, first_ms=NOON_MS)


def rejected(
    raw: bytes, stage: Stage = "count", platform: str | None = None, source: str = "interactions[0]@7"
) -> bytes:
    """A record of interactions.rejected."""
    return encode_rejected(
        Rejected(stage=stage, reason="schema", time_ms=NOON_MS, source=source, platform=platform, bytes=raw)
    )


def found(value: bytes, entity: str = "post", id_: str = "p1", window: str = "all") -> int:
    """How many rejected records a page has after this one."""
    rejections = Rejections(target_of("post" if entity == "post" else "account", id_, window=window), limit=5)
    rejections.take(value)
    assert len(rejections.listed()) == rejections.reasons.total()
    return rejections.reasons.total()


def test_a_rejected_interaction_belongs_to_the_page_that_its_bytes_name() -> None:
    """Whatever else of it broke the schema."""
    raw = orjson.dumps({"platform": "facebook", "account": "a1", "post": "p1", "kind": "shrug"})
    assert found(rejected(raw)) == found(rejected(raw, "feed")) == found(rejected(raw), "account", "a1") == 1
    assert found(rejected(raw), id_="p2") == found(rejected(raw), "account", "p1") == 0


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b'{"post": ["p2"], "platform": "facebook"}', b"\xff"])
def test_bytes_that_tell_nothing_belong_nowhere(raw: bytes) -> None:
    assert found(rejected(raw)) == 0
    assert found(rejected(raw, "parse", "facebook")) == 0


def test_a_delivery_belongs_to_the_page_whose_id_stands_in_it() -> None:
    """As text or number, whole and not as a part of something longer; and of the same platform."""
    raw = orjson.dumps(DELIVERY)
    assert found(rejected(raw, "normalise", "facebook")) == 1
    assert found(rejected(raw, "normalise", "facebook"), "account", "1001") == 1
    assert found(rejected(raw, "normalise", "facebook"), "account", "77") == 1
    assert found(rejected(raw, "normalise", "facebook"), "account", "100") == 0
    assert found(rejected(raw, "normalise", "instagram")) == 0


def test_a_delivery_in_a_neutral_format_names_the_platform_itself() -> None:
    def of(platform: str) -> bytes:
        raw = orjson.dumps({"type": "interaction.like.added", "data": {"platform": platform, "post": "p1"}})
        return rejected(raw, "normalise", "standardwebhooks")

    assert found(of("facebook")) == 1
    assert found(of("x")) == 0


@pytest.mark.parametrize(
    ("platform", "raw", "account"),
    [
        ("youtube", FEED, "UC1"),
        ("wordpress", b"hook=comment_post&comment_ID=7&guid=https%3A%2F%2Fbrand.example%2F", "https://brand.example/"),
    ],
)
def test_a_delivery_that_is_no_json_is_read_as_its_platform_reads_it(platform: str, raw: bytes, account: str) -> None:
    """An Atom feed and a form; cut or in another format it belongs nowhere."""
    target = replace(target_of("account", account), platform=platform)
    for sent, count in ((raw, 1), (raw.replace(b"e", b"<"), 0), (b"", 0)):
        rejections = Rejections(target, limit=5)
        rejections.take(rejected(sent, "normalise", platform))
        assert rejections.reasons.total() == count


def test_a_rejected_record_lies_in_the_window_of_its_event_or_else_of_its_rejection() -> None:
    def of(one: Interaction) -> bytes:
        return rejected(encode_interaction(one))

    noon, before = of(make_interaction()), of(make_interaction(time_ms=NOON_MS - 60_000))
    assert found(noon, window="1m:2026-11-23T09:24") == 1
    assert found(before, window="1m:2026-11-23T09:24") == 0
    delivery = rejected(orjson.dumps(DELIVERY), "normalise", "facebook")
    assert found(delivery, window="1m:2026-11-23T09:24") == 1


def test_a_record_that_was_rejected_twice_counts_once() -> None:
    """A worker that was killed rejects again; the same bytes at another place are another record."""
    raw = encode_interaction(make_interaction())
    rejections = Rejections(target_of(), limit=1)
    for value in (rejected(raw), rejected(raw), rejected(raw, source="interactions[0]@8"), b"no record", None):
        rejections.take(value)
    assert rejections.reasons == {"schema": 2}
    assert [one.source for one in rejections.listed()] == ["interactions[0]@8"]


@pytest.mark.parametrize(
    ("page", "evidence", "verdict"),
    [
        ({"likes": "2"}, WHOLE, "agrees"),
        ({"likes": "3"}, WHOLE, "differs: `twoway verify` compares every row"),
        ({"likes": "3"}, Evidence(cut=True, first_ms=NOON_MS), "differs: the topic no longer holds what was counted"),
        ({"likes": "1", "first_ms": str(NOON_MS + 1)}, WHOLE, "differs: the page expired in Redis and began anew"),
        ({}, WHOLE, "differs: the page expired in Redis, or was never counted"),
    ],
)
def test_a_difference_says_why(page: dict[str, str], evidence: Evidence, verdict: str) -> None:
    """Two likes stand by the topic."""
    likes = column_sums({"likes": 2}, page, ALL, WINDOWS, evidence)[0]
    assert likes.verdict.startswith(verdict)
    assert likes.differs == (verdict != "agrees")


def test_a_row_that_is_not_kept_any_more_neither_agrees_nor_differs() -> None:
    """A row that lingers past its retention is still compared; one that is kept and not there is all zeros."""
    code = WINDOWS.codes(NOON_MS)[0]
    late = {"last_ms": str(NOON_MS + 86_400_000)}
    gone = column_sums({"likes": 2}, late, code, WINDOWS, WHOLE)[0]
    assert (gone.redis, gone.differs) == (None, False)
    lingering = column_sums({"likes": 2}, late | {"1m:2026-11-23T09:24": "2,0"}, code, WINDOWS, WHOLE)
    assert [(one.redis, one.verdict) for one in lingering[:2]] == [(2, "agrees"), (0, "agrees")]
    assert column_sums({}, {"last_ms": str(NOON_MS)}, code, WINDOWS, WHOLE)[0].redis == 0


@pytest.mark.parametrize(("row", "redis"), [("0,3,0,1,0,2,0,2", 2), ("0,3,0,1,0", 0)])
def test_answered_comments_stand_behind_the_columns_of_a_row(row: str, redis: int) -> None:
    """And in a field of its own for all time; a row without answers leaves them out."""
    code = WINDOWS.codes(NOON_MS)[0]
    page = {"last_ms": str(NOON_MS), "1m:2026-11-23T09:24": row, "answered": str(redis)}
    for at in (code, ALL):
        answered = column_sums({"answered": 2}, page, at, WINDOWS, WHOLE)[-1]
        assert (answered.column, answered.topic, answered.redis) == ("answered", 2, redis)
        assert answered.differs == (redis != 2)


@pytest.mark.parametrize(
    "words",
    [
        ["post:x:a:b c"],
        ["post", "x:a:b c"],
        ["post", "x", "a:b c"],
        ["tw:{17}:post:x:a:b%20c"],
        ["other:prefix:{3}:post:x:a:b%20c"],
    ],
)
def test_a_page_is_named_in_any_of_the_usual_ways(words: list[str]) -> None:
    assert parse_page(words) == ("post", "x", "a:b c")


@pytest.mark.parametrize("words", [["facebook:1001"], ["facebook", "1001"], ["account:facebook:1001"]])
def test_a_name_alone_is_an_accounts(words: list[str]) -> None:
    """As `twoway account` and other commands take it."""
    assert parse_page(words) == ("account", "facebook", "1001")


@pytest.mark.parametrize("words", [["x"], ["post"], ["post:x"], ["x", "1", "2"], ["post", "x", "1", "2"], ["post:X:1"]])
def test_what_names_no_page_is_refused(words: list[str]) -> None:
    with pytest.raises(QueryError, match="expected"):
        parse_page(words)
