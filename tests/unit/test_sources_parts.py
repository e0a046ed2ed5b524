"""Signatures, times and readings of single platforms that the payload corpus does not show."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest

from pipeline.errors import RefusedError, UnreadableError
from pipeline.settings import Secret
from pipeline.sources import times
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery, join_headers
from pipeline.sources.http_file import read_http
from pipeline.sources.outcomes import Counted, Ignored, Known
from pipeline.sources.registry import SOURCES
from pipeline.sources.signatures import SCHEMES, verify

NOW_MS = 1_784_900_000_000


def facebook(item: str, verb: str, *, entry_time: int | None = 200, **value: Any) -> Any:
    """The one outcome of a change on page 1."""
    change = {"field": "feed", "value": {"item": item, "verb": verb, **value}}
    entry = {"id": "1", "changes": [change]} | ({"time": entry_time} if entry_time else {})
    return outcome("facebook", {"object": "page", "entry": [entry]})


def outcome(platform: str, body: Any, known: dict[str, Known] | None = None) -> Any:
    """The record or the reason that the only item of a body yields."""
    source = SOURCES[platform]
    connection = Connection("test", platform, source.schemes[0], accounts=frozenset({"1"}))
    context = Context(connection, NOW_MS, lambda _, actor: actor, known or {})
    (found,) = source.normalise(source.parse(Delivery(json.dumps(body).encode(), {})), context)
    return found.interaction if isinstance(found, Counted) else found.reason


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_secret_refuses_everything(scheme: str) -> None:
    """An empty secret would make signatures that everybody can make."""
    for secrets in ((), (Secret(""),)):
        with pytest.raises(RefusedError, match="no_secret"):
            verify(scheme, Delivery(b"", {}), secrets, 0)


def test_any_secret_of_a_rotation_fits() -> None:
    """Newest and older alike; a third does not."""
    delivery = Delivery(b"{}", {"x-hub-signature-256": "sha256=" + hmac.digest(b"older", b"{}", "sha256").hex()})
    verify("meta", delivery, (Secret("newest"), Secret("older")), 0)
    with pytest.raises(RefusedError, match="wrong_signature"):
        verify("meta", delivery, (Secret("newest"), Secret("third")), 0)


def test_standard_webhooks_take_any_signature_of_the_list_within_five_minutes() -> None:
    """Unknown versions are passed over; the time is checked both ways."""
    key = b"0123456789abcdef01234567"
    secret = Secret("whsec_" + base64.b64encode(key).decode())
    good = base64.b64encode(hmac.digest(key, b"msg_1.1000.{}", "sha256")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1000", "webhook-signature": f"v1a,xx v1,AAAA v1,{good}"}
    delivery = Delivery(b"{}", headers)
    for now_s in (700, 1000, 1300):
        verify("standardwebhooks", delivery, (secret,), now_s)
    for now_s in (699, 1301):
        with pytest.raises(RefusedError, match="time_outside_tolerance"):
            verify("standardwebhooks", delivery, (secret,), now_s)
    only_newer = Delivery(b"{}", {**headers, "webhook-signature": f"v2,{good}"})
    with pytest.raises(RefusedError, match="malformed_signature"):
        verify("standardwebhooks", only_newer, (secret,), 1000)


def test_a_bearer_token_comes_in_the_header_or_in_the_query() -> None:
    """As the CloudEvents webhook specification says."""
    verify("bearer", Delivery(b"", {"authorization": "Bearer t"}), (Secret("t"),), 0)
    verify("bearer", Delivery(b"", {}, query="a=b&access_token=t"), (Secret("t"),), 0)
    for delivery in (Delivery(b"", {"authorization": "Bearer u"}), Delivery(b"", {"authorization": "Basic t"})):
        with pytest.raises(RefusedError):
            verify("bearer", delivery, (Secret("t"),), 0)


def test_headers_that_stand_twice_are_joined() -> None:
    """Names in lower case."""
    assert join_headers([("A", "1"), ("b", "2"), ("a", "3")]) == {"a": "1, 3", "b": "2"}


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (times.from_seconds, 1_608_952_528, 1_608_952_528_000),
        (times.from_seconds, "1608952528", 1_608_952_528_000),
        (times.from_seconds, 1_608_952_528_123, 1_608_952_528_123),
        (times.from_seconds, True, None),
        (times.from_seconds, -1, None),
        (times.from_seconds, 1e300, None),
        (times.from_seconds, "9" * 5000, None),
        (times.from_milliseconds, "1522082006140", 1_522_082_006_140),
        (times.from_iso, "2026-07-24T10:07:18.903999Z", 1_784_887_638_903),
        (times.from_iso, "2026-07-24T12:07:18+02:00", 1_784_887_638_000),
        (times.from_iso, "2026-07-24T10:07:18", 1_784_887_638_000),
        (times.from_iso, "yesterday", None),
        (times.from_iso, "2016-12-31T23:59:60Z", 1_483_228_800_000),
        (times.from_iso, "2017-01-01T00:59:60.5+01:00", 1_483_228_800_500),
        (times.from_iso, "2026-07-24T10:07:60Z", None),
        (times.from_iso, "2016-12-31T23:59:61Z", None),
        (times.from_x, "Sat Dec 31 23:59:60 +0000 2016", 1_483_228_800_000),
        (times.from_http_date, "Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800_000),
        (times.from_x, "Mon Mar 26 16:33:26 +0000 2018", 1_522_082_006_000),
        (times.from_x, None, None),
    ],
)
def test_times_are_read_in_every_form(reader: Any, value: Any, expected: int | None) -> None:
    """Unix milliseconds, below one cut off; None where there is no usable time."""
    assert reader(value) == expected


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_request_in_a_file_keeps_its_body_as_it_is(newline: bytes) -> None:
    """Also a body with empty lines."""
    raw = newline.join([b"POST /a?b=c HTTP/1.1", b"X-One: 1", b"", b"body\n\r\n\r\nmore"])
    request = read_http(raw)
    assert (request.method, request.path, request.query, request.headers) == ("POST", "/a", "b=c", {"x-one": "1"})
    assert request.body == b"body\n\r\n\r\nmore"
    with pytest.raises(UnreadableError):
        read_http(b"no request")


def test_a_facebook_removal_has_the_time_of_sending() -> None:
    """created_time is the time of creation; a removal with it would lie before an edit."""
    found = facebook("comment", "remove", post_id="1_2", comment_id="2_3", created_time=100)
    assert (found.action, found.time_ms, found.time_from) == ("remove", 200_000, "delivery")


def test_a_facebook_reaction_that_is_undone_has_its_own_time() -> None:
    """A reaction's created_time is that of the change."""
    found = facebook("reaction", "remove", post_id="1_2", created_time=100, sender_id=7)
    assert (found.action, found.id, found.time_ms) == ("remove", "1_2/7", 100_000)


def test_facebook_reactions_without_an_actor_are_told_apart_by_their_content() -> None:
    """A repeat, sent later, is the same like; another second is another; what cannot be attributed is not removed."""
    one = facebook("reaction", "add", post_id="1_2", created_time=100, reaction_type="love")
    repeat = facebook("reaction", "add", entry_time=300, post_id="1_2", created_time=100, reaction_type="love")
    other = facebook("reaction", "add", post_id="1_2", created_time=101, reaction_type="love")
    assert one.id == repeat.id != other.id
    assert one.actor is None
    assert facebook("reaction", "remove", post_id="1_2", created_time=102) == "unresolvable_removal"


@pytest.mark.parametrize("broken", [[2.2250738585072014e-308] * 100_000, {"a": ["x"] * 100_000}, True])
def test_what_is_no_time_or_word_tells_no_facebook_reactions_apart(broken: Any) -> None:
    """A structure was written out for it, of 4 MB in 370 ms. It is as if nothing stood there."""
    found = facebook("reaction", "add", post_id="1_2", created_time=broken, reaction_type=broken)
    assert found.id == facebook("reaction", "add", post_id="1_2").id
    assert found.id != facebook("reaction", "add", post_id="1_2", created_time=1.5).id


@pytest.mark.parametrize(
    ("item", "verb", "value", "reason"),
    [
        ("like", "add", {"user_id": 5}, "page_like"),
        ("comment", "unhide", {"post_id": "1_2", "comment_id": "2_3"}, "moderation"),
        ("album", "add", {}, "unsupported_item"),
        ("mention", "add", {}, "mention"),
        ("comment", "add", {"comment_id": "2_3"}, "missing_field"),
        (["x"], {"y": 1}, {}, "unsupported_item"),
    ],
)
def test_facebook_items_that_do_not_count(item: Any, verb: Any, value: dict[str, Any], reason: str) -> None:
    """Each with its reason."""
    assert facebook(item, verb, **value) == reason


def test_the_test_button_of_metas_dashboard_counts_for_nothing() -> None:
    """Its deliveries are about the account 0."""
    value = {"item": "status", "verb": "add", "post_id": "44_44", "from": {"id": "10"}}
    body = {"object": "page", "entry": [{"id": "0", "time": 1, "changes": [{"field": "feed", "value": value}]}]}
    assert outcome("facebook", body) == "test_ping"


def post_on_x(event: str = "post.create", author: str = "1", **payload: Any) -> dict[str, Any]:
    """A delivery of the X Activity API to account 1."""
    post = {"id": "900", "author_id": author, "created_at": "2026-07-24T21:05:48.000Z", **payload}
    return {"data": {"filter": {"user_id": "1"}, "event_type": event, "payload": post}}


def test_what_the_brand_does_to_the_posts_of_others_is_outbound() -> None:
    """Reposts and replies; a quote of somebody else is a post of the brand's own."""
    repost = post_on_x(referenced_tweets=[{"type": "retweeted", "id": "5"}])
    reply = post_on_x(in_reply_to_tweet_id="5", in_reply_to_user_id="8", conversation_id="5")
    quote = post_on_x(referenced_tweets=[{"type": "quoted", "id": "5"}])
    assert (outcome("x", repost), outcome("x", reply)) == ("outbound", "outbound")
    assert outcome("x", quote).kind == "post"


def test_a_brands_answer_on_x_finds_its_post_by_the_conversation() -> None:
    """Where the comment was never seen, but the post that the conversation began with was."""
    known = {"5": Known("1", "5", "post")}
    found = outcome("x", post_on_x(in_reply_to_tweet_id="6", in_reply_to_user_id="8", conversation_id="5"), known)
    assert (found.kind, found.post, found.parent, found.own) == ("comment", "5", "6", True)


def test_a_repost_of_a_quote_is_a_repost() -> None:
    """It looks like both."""
    ours, theirs = {"id_str": "5", "user": {"id_str": "1"}}, {"id_str": "6", "user": {"id_str": "8"}}
    post = {"id_str": "9", "user": {"id_str": "7"}, "timestamp_ms": "1", "retweeted_status": ours}
    post |= {"quoted_status": theirs, "quoted_status_id_str": "6"}
    found = outcome("x", {"for_user_id": "1", "tweet_create_events": [post]})
    assert (found.kind, found.post, found.id) == ("share", "5", "9")


def test_a_like_of_the_brands_reply_is_no_like_of_the_post() -> None:
    """Both APIs tell that what was liked is a reply."""
    liked = {"id_str": "5", "user": {"id_str": "1"}, "in_reply_to_status_id_str": "4"}
    old = {"for_user_id": "1", "favorite_events": [{"id": "a", "favorited_status": liked, "user": {"id_str": "7"}}]}
    new = {"data": {"filter": {"user_id": "1"}, "event_type": "like.create", "payload": {"id": "a"}}}
    new["data"]["payload"] |= {"liked_tweet_id": "5", "liked_tweet_author_id": "1"}  # type: ignore[operator]
    new["data"]["includes"] = {"tweets": [{"data": {"id": "5", "conversation_id": "4"}}]}
    assert outcome("x", old) == outcome("x", new) == "reaction_on_comment"


def test_an_account_that_withdraws_its_permission_is_told() -> None:
    """The event names no account of ours."""
    assert outcome("x", {"user_event": {"revoke": {"source": {"user_id": "1"}}}}) == "subscription_ended"


def test_a_batch_of_cloudevents_is_read_one_by_one() -> None:
    """A bad event does not spoil the good one."""
    event = {
        "specversion": "1.0",
        "type": "com.example.interaction.comment.removed",
        "source": "https://shop.example/platforms/example/accounts/1",
        "id": "e1",
        "time": "2026-07-24T10:07:18Z",
        "data": {"post": "post-42", "comment": "c-1"},
    }
    source = SOURCES["cloudevents"]
    context = Context(Connection("test", "cloudevents", "bearer"), NOW_MS, lambda _, actor: actor, {})
    body = json.dumps([event, {**event, "specversion": "0.3"}, {**event, "type": "other"}]).encode()
    headers = {"content-type": "application/cloudevents-batch+json"}
    good, old, other = source.normalise(source.parse(Delivery(body, headers)), context)
    assert isinstance(good, Counted)
    assert (good.interaction.account, good.interaction.id, good.interaction.action) == ("1", "c-1", "remove")
    assert getattr(old, "reason", None) == "unsupported_version"
    assert other == Ignored("unsupported_item")
