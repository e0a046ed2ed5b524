"""Bluesky beyond the corpus: quotes with pictures, replies below replies, likes of replies, deleted accounts, lists."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UnreadableError
from pipeline.sources.bluesky import Bluesky
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.outcomes import Counted, Ignored, Known, Outcome
from tests.contract.corpus import PAYLOADS
from tests.contract.test_sources_hostile import JUNK, places, put

BRAND, FAN, OTHER = "did:plc:brand", "did:plc:fan", "did:plc:other"
OURS = f"at://{BRAND}/app.bsky.feed.post/p1"
THEIRS = f"at://{OTHER}/app.bsky.feed.post/p9"
FILES = sorted(PAYLOADS.glob("bluesky-*.json"))


def commit(did: str, collection: str, rkey: str, record: Any = None, operation: str = "create") -> dict[str, Any]:
    """A frame of version 1."""
    body = {"rev": "r", "operation": operation, "collection": f"app.bsky.feed.{collection}", "rkey": rkey}
    return {"did": did, "time_us": 1_779_719_009_132_431, "kind": "commit", "commit": body | {"record": record}}


def like(did: str, uri: str) -> dict[str, Any]:
    return commit(did, "like", "l1", {"subject": {"uri": uri}})


def reply(did: str, rkey: str, root: str, parent: str) -> dict[str, Any]:
    record = {"text": "so it is", "reply": {"root": {"uri": root}, "parent": {"uri": parent}}}
    return commit(did, "post", rkey, record)


def read(body: Any, known: dict[str, Known] | None = None, accounts: tuple[str, ...] = (BRAND,)) -> list[Outcome]:
    source = Bluesky()
    connection = Connection("test", "bluesky", "bearer", accounts=frozenset(accounts))
    parsed = source.parse(Delivery(json.dumps(body).encode(), {}))
    asked = set(source.references(parsed))
    found = {uri: entry for uri, entry in (known or {}).items() if uri in asked}
    return source.normalise(parsed, Context(connection, 1, lambda _, actor: f"hash of {actor}", found))


def said(outcomes: list[Outcome]) -> list[str]:
    """Kind and action of each, or its reason."""
    return [f"{o.interaction.kind} {o.interaction.action}" if isinstance(o, Counted) else o.reason for o in outcomes]


def test_a_quote_beside_pictures_is_a_share() -> None:
    """`recordWithMedia` holds the reference one deeper."""
    embed = {"$type": "app.bsky.embed.recordWithMedia", "record": {"record": {"uri": OURS}}, "media": {}}
    (shared,) = read(commit(FAN, "post", "q1", {"text": "look", "embed": embed}))
    assert isinstance(shared, Counted)
    assert (shared.interaction.kind, shared.interaction.post) == ("share", OURS)


def test_a_reply_below_a_comment_names_the_comment() -> None:
    """It belongs to the post at the root, whoever wrote the comment; by the brand it is its own."""
    comment = f"at://{FAN}/app.bsky.feed.post/c1"
    first, second = read([reply(FAN, "c1", OURS, OURS), reply(BRAND, "a1", OURS, comment)])
    assert isinstance(first, Counted)
    assert isinstance(second, Counted)
    assert (first.interaction.id, first.interaction.parent, first.interaction.own) == (comment, None, False)
    assert (second.interaction.post, second.interaction.parent, second.interaction.own) == (OURS, comment, True)


def test_a_like_of_the_brands_reply_is_no_like_of_a_post() -> None:
    """Neither of a reply below its own post nor of one elsewhere; both are known from the directory."""
    own = f"at://{BRAND}/app.bsky.feed.post/a1"
    below = read([reply(BRAND, "a1", OURS, OURS), like(FAN, own)])
    elsewhere = read([reply(BRAND, "a1", THEIRS, THEIRS), like(FAN, own)])
    assert said(below) == ["comment add", "reaction_on_comment"]
    assert said(elsewhere) == ["outbound", "reaction_on_comment"]
    assert said(read(like(FAN, own), {own: Known(BRAND, OURS, "comment")})) == ["reaction_on_comment"]


def quote(did: str, rkey: str, uri: str) -> dict[str, Any]:
    return commit(did, "post", rkey, {"text": "look", "embed": {"record": {"uri": uri}}})


def test_likes_and_replies_of_the_brands_quote_of_itself_are_of_one_post() -> None:
    """The quote is a post of its own; below somebody else's post it is a reply, and so `outbound`."""
    own = f"at://{BRAND}/app.bsky.feed.post/q1"
    found = read([quote(BRAND, "q1", OURS), reply(FAN, "c1", own, own), like(FAN, own)])
    assert said(found) == ["post add", "comment add", "like add"]
    assert {o.interaction.post for o in found if isinstance(o, Counted)} == {own}
    away = reply(BRAND, "a1", THEIRS, THEIRS)
    away["commit"]["record"]["embed"] = {"record": {"uri": OURS}}
    assert said(read(away)) == ["outbound"]


def test_one_brands_quote_of_another_is_a_share() -> None:
    """Both of the same connection."""
    (shared,) = read(quote(OTHER, "q1", OURS), accounts=(BRAND, OTHER))
    assert isinstance(shared, Counted)
    assert (shared.interaction.kind, shared.interaction.account, shared.interaction.post) == ("share", BRAND, OURS)


def test_a_quote_of_the_brands_reply_is_no_share_of_a_post() -> None:
    """As a repost of it; both are known from the directory."""
    own = f"at://{BRAND}/app.bsky.feed.post/a1"
    known = {own: Known(BRAND, OURS, "comment")}
    assert said(read(quote(FAN, "q1", own), known)) == ["reaction_on_comment"]
    assert said(read(commit(FAN, "repost", "r1", {"subject": {"uri": own}}), known)) == ["reaction_on_comment"]
    assert said(read([reply(BRAND, "a1", THEIRS, THEIRS), quote(FAN, "q1", own)])) == [
        "outbound",
        "reaction_on_comment",
    ]


def test_what_the_brand_does_to_others_is_outbound() -> None:
    """Likes, reposts and replies; removing them again changes nothing."""
    away = reply(BRAND, "a1", THEIRS, THEIRS)
    gone = commit(BRAND, "post", "a1", operation="delete")
    assert said(read([like(BRAND, THEIRS), away, gone])) == ["outbound", "outbound", "outbound"]


def test_who_only_names_or_answers_the_brand_elsewhere_mentions_it() -> None:
    """A post with its handle in the text, and a reply to it below somebody else's post."""
    facets = [{"features": [{"$type": "app.bsky.richtext.facet#mention", "did": BRAND}]}]
    answer = reply(FAN, "c2", THEIRS, f"at://{BRAND}/app.bsky.feed.post/a1")
    assert said(read([commit(FAN, "post", "m1", {"text": "@brand", "facets": facets}), answer])) == ["mention"] * 2
    assert said(read(commit(FAN, "post", "n1", {"text": "hello"}))) == ["not_ours"]


def test_a_like_of_something_else_of_the_brand_counts_for_nothing() -> None:
    """Feeds and labellers can be liked as well."""
    assert said(read(like(FAN, f"at://{BRAND}/app.bsky.feed.generator/f1"))) == ["unsupported_item"]


def test_a_removal_is_understood_in_the_same_list_as_what_it_removes() -> None:
    """In version 2 as in version 1."""
    first = {"$type": "message", "payload": {"$type": "network.bsky.jetstream.subscribeEvents#commit"}}
    first["payload"] |= commit(FAN, "repost", "s1", {"subject": {"uri": OURS}})["commit"]
    first["payload"] |= {"did": FAN, "time": "2026-05-25T14:23:29.132431Z"}
    second = {**first, "payload": {**first["payload"], "operation": "delete", "time": "2026-05-25T14:24:29.132431Z"}}
    added, removed = read([first, second])
    assert isinstance(added, Counted)
    assert isinstance(removed, Counted)
    assert said([added, removed]) == ["share add", "share remove"]
    assert removed.interaction.id == added.interaction.id
    assert removed.interaction.time_ms - added.interaction.time_ms == 60_000


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"active": False, "status": "deleted"}, Ignored("actor_erasure", f"hash of {FAN}")),
        ({"active": False, "status": "takendown"}, Ignored("unsupported_item")),
        ({"active": True}, Ignored("unsupported_item")),
    ],
)
def test_only_a_deleted_account_is_erased(state: dict[str, Any], expected: Ignored) -> None:
    """Named by its pseudonym; the other states may end. Both versions of the frame."""
    payload = {"$type": "network.bsky.jetstream.subscribeEvents#account", "did": FAN, "account": {"did": FAN, **state}}
    old = {"did": FAN, "time_us": 1_779_719_009_132_431, "kind": "account", "account": {"did": FAN, **state}}
    assert read([old, {"$type": "message", "payload": payload}]) == [expected, expected]


@pytest.mark.parametrize(
    ("embed", "media"),
    [
        ({"$type": "app.bsky.embed.images", "images": [{}]}, "image"),
        ({"$type": "app.bsky.embed.images", "images": [{}, {}]}, "album"),
        ({"$type": "app.bsky.embed.video"}, "video"),
        ({"$type": "app.bsky.embed.recordWithMedia", "media": {"$type": "app.bsky.embed.external"}}, "link"),
        ({}, None),
    ],
)
def test_a_post_says_what_it_shows(embed: dict[str, Any], media: str | None) -> None:
    """By the form of its embed."""
    (post,) = read(commit(BRAND, "post", "p1", {"text": "new", "embed": embed}))
    assert isinstance(post, Counted)
    assert (post.interaction.own, post.interaction.media) == (True, media)


def test_a_list_that_holds_something_else_is_unreadable() -> None:
    """A frame is an object."""
    with pytest.raises(UnreadableError):
        read([{}, 1])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_junk_anywhere_in_a_frame_gives_an_outcome(data: st.DataObject) -> None:
    """Whatever stands where: no exception but UnreadableError."""
    body = json.loads(data.draw(st.sampled_from(FILES)).read_text())
    junk = put(body, data.draw(st.sampled_from(list(places(body)))), data.draw(JUNK))
    assert len(read([junk], accounts=())) == 1
