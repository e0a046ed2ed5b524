"""The oracle's rules, each with rows written out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.proving.expected import ExpectedPage
from pipeline.proving.oracle import Oracle
from pipeline.windows import ALL, Windows
from schemas.interaction import encode_interaction
from tests.factories import NOON_MS, make_interaction

WINDOWS = Windows.parse("1m:3h,1h:8d")
MINUTE_MS = 60_000


def pages_of(*events: dict[str, Any], timestamp_ms: int = NOON_MS) -> dict[str, ExpectedPage]:
    """What the oracle makes of these: `post:p1` -> its page."""
    oracle = Oracle(WINDOWS)
    for event in events:
        oracle.take(encode_interaction(make_interaction(**event)), timestamp_ms)
    return {f"{name.entity}:{name.id}": page for name, page in oracle.pages()}


def rows_of(page: ExpectedPage) -> dict[str, tuple[int, ...]]:
    """Rows by the name of their field, `all` for all time."""
    return {("all" if code == ALL else WINDOWS.field(code)): counts for code, counts in page.rows.items()}


def test_each_kind_counts_in_its_column() -> None:
    """Audience: likes, comments, shares. The account itself: replies and posts; its likes and shares count nowhere."""
    pages = pages_of(
        {"kind": "like"},
        {"kind": "comment"},
        {"kind": "share"},
        {"kind": "comment", "actor": "a1", "own": True},
        {"kind": "post", "own": True},
        {"kind": "like", "actor": "a1", "own": True},
        {"kind": "share", "actor": "a1", "own": True},
    )
    assert rows_of(pages["post:p1"]) == {
        "all": (1, 1, 1, 1, 1),
        "1m:2026-11-23T09:24": (1, 1, 1, 1, 1),
        "1h:2026-11-23T09": (1, 1, 1, 1, 1),
    }


def test_account_page_is_the_sum_of_its_posts() -> None:
    pages = pages_of({"post": "p1"}, {"post": "p2", "time_ms": NOON_MS - MINUTE_MS}, {"post": "p2", "kind": "comment"})
    assert rows_of(pages["account:a1"]) == {
        "all": (2, 1, 0, 0, 0),
        "1m:2026-11-23T09:24": (1, 1, 0, 0, 0),
        "1m:2026-11-23T09:23": (1, 0, 0, 0, 0),
        "1h:2026-11-23T09": (2, 1, 0, 0, 0),
    }


def test_repeated_record_counts_once() -> None:
    assert pages_of({}, {}, {})["post:p1"].rows[ALL] == (1, 0, 0, 0, 0)


def test_removal_takes_back_from_the_window_that_counted() -> None:
    pages = pages_of({}, {"actor": "u2"}, {"action": "remove", "time_ms": NOON_MS + 5 * MINUTE_MS})
    assert rows_of(pages["post:p1"])["1m:2026-11-23T09:24"] == (1, 0, 0, 0, 0)


def test_removal_before_its_add_wins_by_time() -> None:
    pages = pages_of({"action": "remove", "time_ms": NOON_MS + 1}, {})
    assert pages["post:p1"].rows[ALL] == (0, 0, 0, 0, 0)


def test_add_after_a_removal_stands_at_its_own_time() -> None:
    pages = pages_of({}, {"action": "remove", "time_ms": NOON_MS + 1}, {"time_ms": NOON_MS + 2 * MINUTE_MS})
    assert rows_of(pages["post:p1"])["1m:2026-11-23T09:26"] == (1, 0, 0, 0, 0)
    assert "1m:2026-11-23T09:24" not in rows_of(pages["post:p1"])


@pytest.mark.parametrize("order", [("add", "remove"), ("remove", "add")])
def test_remove_wins_a_tie(order: tuple[str, str]) -> None:
    pages = pages_of(*({"action": action} for action in order))
    assert pages["post:p1"].rows[ALL] == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("order", [("like", "share"), ("share", "like")])
def test_greater_class_wins_a_tie_of_two_adds(order: tuple[str, str]) -> None:
    pages = pages_of(*({"kind": kind, "id": "same"} for kind in order))
    assert pages["post:p1"].rows[ALL] == (0, 0, 1, 0, 0)


def test_earliest_edit_stands_in_for_a_missing_add() -> None:
    edits = [{"kind": "comment", "action": "edit", "time_ms": NOON_MS + k * MINUTE_MS} for k in (3, 1, 2)]
    assert rows_of(pages_of(*edits)["post:p1"])["1m:2026-11-23T09:25"] == (0, 1, 0, 0, 0)


def test_edit_neither_moves_nor_revives_what_is_known() -> None:
    """Once an add or a removal is known, no edit says anything, whichever came first."""
    edit = {"action": "edit", "time_ms": NOON_MS - MINUTE_MS}
    assert rows_of(pages_of(edit, {})["post:p1"])["1m:2026-11-23T09:24"] == (1, 0, 0, 0, 0)
    removed = {"action": "remove", "time_ms": NOON_MS - 2 * MINUTE_MS}
    assert pages_of(removed, edit)["post:p1"].rows[ALL] == (0, 0, 0, 0, 0)


def test_totals_newest_wins_and_the_account_has_their_sum() -> None:
    pages = pages_of(
        {"kind": "totals", "post": "p1", "likes": 10, "comments": 3, "time_ms": NOON_MS},
        {"kind": "totals", "post": "p1", "likes": 7, "time_ms": NOON_MS - 1},
        {"kind": "totals", "post": "p2", "likes": 5, "followers": 99, "time_ms": NOON_MS - 5},
    )
    assert pages["post:p1"].polled == {"likes": (10, NOON_MS), "comments": (3, NOON_MS)}
    assert pages["account:a1"].polled == {"likes": (15, NOON_MS), "comments": (3, NOON_MS)}


def test_totals_of_an_account_give_its_followers_only() -> None:
    """A tie takes the greater value; likes of an account's totals are passed over."""
    pages = pages_of(
        {"kind": "totals", "post": None, "followers": 500, "likes": 9},
        {"kind": "totals", "post": None, "followers": 501},
        {"kind": "totals", "post": None, "followers": 400},
    )
    assert pages["account:a1"].polled == {"followers": (501, NOON_MS)}
    assert list(pages) == ["account:a1"]


def test_every_accepted_record_touches_its_pages() -> None:
    """First and last event times span repeats, removals and totals too."""
    pages = pages_of({}, {"time_ms": NOON_MS - 7}, {"kind": "totals", "time_ms": NOON_MS + 9, "likes": 1})
    assert (pages["post:p1"].first_ms, pages["post:p1"].last_ms) == (NOON_MS - 7, NOON_MS + 9)
    assert (pages["account:a1"].first_ms, pages["account:a1"].last_ms) == (NOON_MS - 7, NOON_MS + 9)


def test_record_far_in_the_future_is_rejected() -> None:
    """Ten minutes after Kafka's timestamp still count, one millisecond more does not."""
    oracle = Oracle(WINDOWS, future_limit_ms=600_000)
    value = encode_interaction(make_interaction(time_ms=NOON_MS + 600_000))
    assert oracle.take(value, NOON_MS) == "accepted"
    assert oracle.take(value, NOON_MS - 1) == "time_in_future"


def test_post_belongs_to_the_account_that_named_it_first() -> None:
    """Two accounts of one slot that claim one post id: the second is rejected and touches nothing."""
    oracle = Oracle(WINDOWS)
    first, second = (make_interaction(account=account, actor=account) for account in ("a1", "a2"))
    assert oracle.take_decoded(first, NOON_MS, 7) == "accepted"
    assert oracle.take_decoded(second, NOON_MS, 7) == "post_of_another_account"
    assert oracle.take_decoded(second, NOON_MS, 8) == "accepted"
    assert sorted((name.slot, name.entity, name.id) for name in oracle.names()) == [
        (7, "account", "a1"),
        (7, "post", "p1"),
        (8, "account", "a2"),
        (8, "post", "p1"),
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no_value"),
        (b"", "not_json"),
        (b"{}", "schema"),
        (b'"x"', "schema"),
        (b"\xff", "not_json"),
        (b'{"id":"\xff"}', "not_json"),
        (b'{"id":' + b"[" * 100_000, "schema"),
        (b'{"else":' + b"[" * 100_000, "not_json"),
    ],
)
def test_what_is_no_interaction_is_rejected(value: bytes | None, reason: str) -> None:
    assert Oracle(WINDOWS).take(value, NOON_MS) == reason
