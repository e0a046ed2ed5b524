"""Threads beyond the corpus: what the account publishes, and what is remembered for its deletions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reading import NOW_MS, Reader

REPLY = {
    "id": "r1",
    "username": "fan",
    "text": "Where?",
    "root_post": {"id": "p1", "owner_id": "1", "username": "brand"},
    "replied_to": {"id": "p1"},
    "timestamp": "2025-08-04T10:33:16+0000",
}
TIME_MS = 1_754_303_596_000


def event(field: str, value: dict[str, Any], time: int | None = 1_754_304_000) -> dict[str, Any]:
    return {"target_id": "t", "time": time, "values": {"field": field, "value": value}}


def test_what_the_account_deletes_is_known_from_what_came_before() -> None:
    """Its own reply is a comment, the thread itself a post, also one that is older than the connection."""
    reader = Reader("threads", "1")
    answer = reader.one(event("replies", {**REPLY, "id": "r2", "username": "brand", "replied_to": {"id": "r1"}}))
    assert (answer.own, answer.parent, answer.time_ms) == (True, "r1", TIME_MS)
    removed = reader.one(event("delete", {"id": "r2"}))
    assert (removed.kind, removed.post, removed.id, removed.action) == ("comment", "p1", "r2", "remove")
    assert (removed.own, removed.time_ms, removed.time_from) == (True, 1_754_304_000_000, "delivery")
    thread = reader.one(event("delete", {"id": "p1"}))
    assert (thread.kind, thread.id, thread.own) == ("post", "p1", True)


def test_a_published_thread_is_a_post_of_the_connections_account() -> None:
    """Its envelope does not say whose it is; its media does what it shows."""
    value = {"id": "p2", "text": "New?", "media_type": "CAROUSEL_ALBUM", "timestamp": "2025-08-04T10:33:16+0000"}
    post = Reader("threads", "1").one(event("publish", value))
    assert (post.kind, post.account, post.post, post.media, post.own) == ("post", "1", "p2", "album", True)
    assert Reader("threads").one(event("publish", value)) == "missing_account"


def test_a_published_answer_is_a_comment_in_its_own_thread_and_outbound_elsewhere() -> None:
    own = {**REPLY, "id": "r3", "username": "brand", "replied_to": {"id": "r1"}}
    comment = Reader("threads", "1").one(event("publish", own))
    assert (comment.kind, comment.own, comment.post, comment.parent) == ("comment", True, "p1", "r1")
    foreign = {**own, "root_post": {"id": "p9", "owner_id": "9"}}
    assert Reader("threads", "1").one(event("publish", foreign)) == "outbound"


def test_a_reply_to_the_thread_itself_has_no_parent() -> None:
    reply = Reader("threads").one(event("replies", REPLY))
    assert (reply.parent, reply.account, reply.actor, reply.own) == (None, "1", "fan", False)


@pytest.mark.parametrize(
    ("time", "expected"), [(1_754_304_000, (1_754_304_000_000, "delivery")), (None, (NOW_MS, "received"))]
)
def test_a_reply_without_a_time_has_that_of_sending_or_receipt(time: int | None, expected: tuple[int, str]) -> None:
    reply = Reader("threads").one(event("replies", {**REPLY, "timestamp": "soon"}, time))
    assert (reply.time_ms, reply.time_from) == expected


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("mentions", {"id": "m1"}, "mention"),
        ("story", {}, "unsupported_item"),
        ("replies", {**REPLY, "root_post": {"id": "p1", "owner_id": "2"}}, "not_ours"),
        ("replies", {"id": "r1", "root_post": {"owner_id": "1"}}, "missing_field"),
        ("delete", {}, "unresolvable_removal"),
    ],
)
def test_what_does_not_count_has_its_reason(field: str, value: dict[str, Any], reason: str) -> None:
    assert Reader("threads", "1").one(event(field, value)) == reason
