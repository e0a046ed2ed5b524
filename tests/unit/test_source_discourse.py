"""Discourse beyond the corpus: edits, removals, recoveries, private talk, and numbers within a topic."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from pipeline.errors import UnreadableError
from pipeline.settings import Secret
from pipeline.sources.delivery import Delivery, join_headers
from pipeline.sources.signatures import verify
from tests.reading import NOW_MS, Reader

FORUM = "https://forum.example"
CREATED_MS = 1_676_016_000_000


def headers(event: str, instance: str = FORUM) -> dict[str, str]:
    return {"X-Discourse-Event": event, "X-Discourse-Instance": instance}


def post(number: int, **changes: Any) -> dict[str, Any]:
    """The post with this number in topic 4; its id is ten times that."""
    value = {
        "id": number * 10,
        "topic_id": 4,
        "topic_slug": "a-topic",
        "post_number": number,
        "post_type": 1,
        "user_id": 5 if number == 1 else 7,
        "raw": "words",
        "created_at": "2023-02-10T08:00:00.000Z",
        "updated_at": "2023-02-10T09:00:00.000Z",
        "deleted_at": None,
        "reply_to_post_number": None,
        **changes,
    }
    return {"post": value}


def forum() -> Reader:
    return Reader("discourse", FORUM, brand=["5"])


@pytest.mark.parametrize(
    ("event", "action", "time_ms", "time_from"),
    [
        ("post_created", "add", CREATED_MS, "platform"),
        ("post_edited", "edit", CREATED_MS + 3_600_000, "platform"),
        ("post_destroyed", "remove", CREATED_MS + 7_200_000, "platform"),
        ("post_recovered", "add", NOW_MS, "received"),
    ],
)
@pytest.mark.parametrize(("number", "kind"), [(1, "post"), (2, "comment")])
def test_only_the_header_tells_what_happened(
    number: int, kind: str, event: str, action: str, time_ms: int, time_from: str
) -> None:
    """Each has its own time. When a post came back is not told; its creation would lie before its removal."""
    body = post(number, deleted_at="2023-02-10T10:00:00Z")
    found = forum().one(body, headers(event))
    assert (found.kind, found.action, found.time_ms, found.time_from) == (kind, action, time_ms, time_from)


def test_an_answer_finds_its_comment_by_the_number() -> None:
    """The brand's answer is its own; number 1 is the topic."""
    reader = forum()
    reader.one(post(2), headers("post_created"))
    answer = reader.one(post(3, user_id=5, reply_to_post_number=2), headers("post_created"))
    assert (answer.parent, answer.own) == (f"{FORUM}/p/20", True)
    assert reader.one(post(4, reply_to_post_number=1), headers("post_created")).parent is None
    assert reader.one(post(5, reply_to_post_number=9), headers("post_created")).parent is None


def test_two_forums_do_not_share_their_numbers() -> None:
    other = "https://other.example/"
    one, two = (Reader("discourse").one(post(2), headers("post_created", name)) for name in (FORUM, other))
    assert (one.id, two.id) == ("https://forum.example/p/20", "https://other.example/p/20")


def test_a_topic_of_the_brand_has_its_address() -> None:
    assert forum().one(post(1), headers("post_created")).url == f"{FORUM}/t/a-topic/4"


def test_a_like_by_the_brand_is_its_own() -> None:
    like = forum().one({"like": {**post(1), "user": {"id": 5}}}, headers("post_liked"))
    assert (like.own, like.time_ms, like.time_from) == (True, NOW_MS, "received")


@pytest.mark.parametrize(
    ("event", "body", "reason"),
    [
        ("ping", {"ping": "OK"}, "test_ping"),
        ("topic_created", {"topic": {"id": 4}}, "unsupported_item"),
        ("post_created", post(1, user_id=7), "visitor_post"),
        ("post_created", post(2, post_type=4), "unsupported_item"),
        ("post_created", post(2, topic_archetype="private_message"), "unsupported_item"),
        ("post_created", {"post": {"id": 1}}, "missing_field"),
        ("post_liked", {"like": {**post(2), "user": {"id": 7}}}, "reaction_on_comment"),
        ("post_liked", {"like": post(1)}, "missing_field"),
    ],
)
def test_what_does_not_count_has_its_reason(event: str, body: dict[str, Any], reason: str) -> None:
    assert forum().one(body, headers(event)) == reason


def test_another_forum_is_not_ours() -> None:
    assert forum().one(post(2), headers("post_created", "https://other.example")) == "not_ours"


@pytest.mark.parametrize("missing", ["X-Discourse-Event", "X-Discourse-Instance"])
def test_without_its_headers_a_delivery_cannot_be_read(missing: str) -> None:
    """It is kept as rejected, not guessed at."""
    given = {name: value for name, value in headers("post_created").items() if name != missing}
    with pytest.raises(UnreadableError, match="X-Discourse-Event"):
        forum().one(post(2), given)


@pytest.mark.parametrize(
    ("event", "action", "time_ms"),
    [
        ("post_created", "add", CREATED_MS),
        ("post_edited", "edit", CREATED_MS + 3_600_000),
        ("post_destroyed", "remove", NOW_MS),
        ("post_recovered", "add", NOW_MS),
    ],
)
def test_the_same_signed_body_is_taken_as_whatever_event_the_header_names(
    event: str, action: str, time_ms: int
) -> None:
    """Nothing in the body of a removal is different: it was written before. So the page says it."""
    body = json.dumps(post(2)).encode()
    signature = hmac.digest(b"discourse-secret", body, "sha256").hex()
    sent = {**headers(event), "X-Discourse-Event-Signature": f"sha256={signature}"}
    delivery = Delivery(body, join_headers(sent.items()))
    verify("discourse", delivery, [Secret("discourse-secret")], now_s=NOW_MS / 1000)
    found = forum().one(body, sent)
    assert (found.kind, found.action, found.time_ms) == ("comment", action, time_ms)


def test_a_body_cannot_be_sent_again_as_an_event_of_another_type() -> None:
    """A post is no like and a like no post: each stands under its own name, which is signed."""
    like = {"like": {"post": post(1)["post"], "user": {"id": 7}}}
    assert [one.reason for one in forum().outcomes(post(1), headers("post_liked"))] == ["missing_field"]
    assert [one.reason for one in forum().outcomes(like, headers("post_destroyed"))] == ["missing_field"]
