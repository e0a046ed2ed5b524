"""X beyond the corpus: the brand's quotes of itself, its replies in others' threads, and what is done to them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.sources.outcomes import Known
from tests.reading import Reader

BRAND, FAN = "1", "77"
TIME_MS = "1795425840000"


def tweet(number: int, author: str, **changes: Any) -> dict[str, Any]:
    """A post of the Account Activity API."""
    post = {"id_str": str(number), "user": {"id_str": author}, "timestamp_ms": TIME_MS, "text": "words", **changes}
    return {"for_user_id": BRAND, "tweet_create_events": [post]}


def answer(number: int, author: str, to: int, to_author: str) -> dict[str, Any]:
    return tweet(number, author, in_reply_to_status_id_str=str(to), in_reply_to_user_id_str=to_author)


def embedded(number: int, **changes: Any) -> dict[str, Any]:
    """The brand's post, as it stands in another one that repeats or quotes it."""
    return {"id_str": str(number), "user": {"id_str": BRAND}, **changes}


def quote(number: int, author: str, of: dict[str, Any]) -> dict[str, Any]:
    return tweet(number, author, is_quote_status=True, quoted_status_id_str=of["id_str"], quoted_status=of)


def repost(number: int, author: str, of: dict[str, Any]) -> dict[str, Any]:
    return tweet(number, author, retweeted_status=of)


def like(number: int, **changes: Any) -> dict[str, Any]:
    event = {
        "id": "h",
        "user": {"id_str": FAN},
        "timestamp_ms": TIME_MS,
        "favorited_status": embedded(number, **changes),
    }
    return {"for_user_id": BRAND, "favorite_events": [event]}


def deleted(number: int) -> dict[str, Any]:
    event = {"status": {"id": str(number), "user_id": BRAND}, "timestamp_ms": TIME_MS}
    return {"for_user_id": BRAND, "tweet_delete_events": [event]}


def activity(event: str, reference: str, author: str, *included: dict[str, Any]) -> dict[str, Any]:
    """A post of the X Activity API that refers to the brand's post 20."""
    post = {"id": "30", "author_id": author, "created_at": "2026-11-23T09:24:00.000Z", "text": "words"}
    post["referenced_tweets"] = [{"type": reference, "id": "20"}]
    data = {"filter": {"user_id": BRAND}, "event_type": event, "payload": post}
    return {"data": data | ({"includes": {"tweets": list(included)}} if included else {})}


def test_likes_and_replies_of_the_brands_quote_of_itself_are_of_one_post() -> None:
    """The quote is a post of its own, and not a share of the post that it quotes."""
    reader = Reader("x", BRAND)
    reader.one(tweet(10, BRAND))
    found = [reader.one(quote(20, BRAND, embedded(10))), reader.one(answer(30, FAN, 20, BRAND)), reader.one(like(20))]
    assert [(one.kind, one.post) for one in found] == [("post", "20"), ("comment", "20"), ("like", "20")]
    assert (found[0].own, found[1].parent) == (True, None)


def test_the_brands_quote_of_itself_is_a_post_in_the_x_activity_api_too() -> None:
    """By either type of event, with the quoted post beside it or without."""
    quoted = {"id": "20", "author_id": BRAND, "conversation_id": "20"}
    for event in ("post.create", "post.quote.create"):
        for included in ([], [quoted]):
            found = Reader("x", BRAND).one(activity(event, "quoted", BRAND, *included))
            assert (found.kind, found.post, found.own) == ("post", "30", True)


def test_a_reply_to_a_quote_that_was_once_taken_for_the_brands_share_is_about_the_quote() -> None:
    """As the directory of an earlier version has it. Of a fan's quote it goes on being about the quoted post."""
    reader = Reader("x", BRAND)
    reader.directory = {"20": Known(BRAND, "10", "share", BRAND), "21": Known(BRAND, "10", "share", FAN)}
    ours, fans = reader.one(answer(30, FAN, 20, BRAND)), reader.one(answer(31, "78", 21, FAN))
    assert [(one.kind, one.post, one.parent) for one in (ours, fans)] == [
        ("comment", "20", None),
        ("comment", "10", "21"),
    ]


def test_a_fans_quote_of_the_brand_is_a_share() -> None:
    """As before."""
    found = Reader("x", BRAND).one(quote(21, FAN, embedded(10)))
    assert (found.kind, found.post, found.own) == ("share", "10", False)


def test_what_answers_the_brands_reply_to_somebody_elses_post_is_a_mention() -> None:
    """A customer's own post, the brand's answer, his thanks: no post of the brand. Nor is there one to remove."""
    reader = Reader("x", BRAND)
    said = [
        answer(50, BRAND, 40, FAN),
        answer(60, FAN, 50, BRAND),
        answer(70, BRAND, 60, FAN),
        answer(80, FAN, 70, BRAND),
    ]
    assert [reader.one(body) for body in said] == ["outbound", "mention", "outbound", "mention"]
    assert reader.one(like(50, in_reply_to_status_id_str="40")) == "reaction_on_comment"
    assert reader.one(deleted(50)) == "outbound"


@pytest.mark.parametrize("share", [repost, quote])
def test_a_share_of_the_brands_reply_is_no_share_of_a_post(share: Any) -> None:
    """Neither where the reply that came along says so, nor where the directory knows it."""
    told = share(30, FAN, embedded(20, in_reply_to_status_id_str="15"))
    known = Reader("x", BRAND)
    known.directory = {"20": Known(BRAND, "10", "comment", BRAND)}
    assert [Reader("x", BRAND).one(told), known.one(share(30, FAN, embedded(20)))] == ["reaction_on_comment"] * 2
    assert Reader("x", BRAND).one(share(30, FAN, embedded(20))).kind == "share"


@pytest.mark.parametrize(("event", "reference"), [("post.repost.create", "retweeted"), ("post.quote.create", "quoted")])
def test_a_share_of_the_brands_reply_is_none_in_the_x_activity_api_either(event: str, reference: str) -> None:
    """The reply that came along belongs to an older conversation, or the directory knows it."""
    reply = {"id": "20", "author_id": BRAND, "conversation_id": "10"}
    known = Reader("x", BRAND)
    known.directory = {"20": Known(BRAND, "10", "comment", BRAND)}
    told = [Reader("x", BRAND).one(activity(event, reference, FAN, reply)), known.one(activity(event, reference, FAN))]
    assert told == ["reaction_on_comment"] * 2
    assert Reader("x", BRAND).one(activity(event, reference, FAN)).kind == "share"
