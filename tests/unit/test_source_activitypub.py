"""ActivityPub beyond the corpus: who may say what, threads, edits, reactions, quotes, and what is private."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.outcomes import Counted, Ignored, Known, Unreadable
from pipeline.sources.registry import SOURCES
from tests.reading import NOW_MS, Reader

BRAND = "https://mastodon.example/users/brand"
POST = f"{BRAND}/statuses/1"
BOB = "https://other.example/users/bob"
ANN = "https://other.example/users/ann"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
DATE = {"Date": "Fri, 24 Jul 2026 10:07:18 GMT"}
DATE_MS = 1_784_887_638_000


def activity(kind: str, thing: Any, actor: str = BOB, **changes: Any) -> dict[str, Any]:
    return {"id": f"{actor}#{kind}/1", "type": kind, "actor": actor, "object": thing, **changes}


def note(number: int, author: str = BOB, **changes: Any) -> dict[str, Any]:
    """A public note."""
    return {
        "id": f"{author}/statuses/{number}",
        "type": "Note",
        "attributedTo": author,
        "published": "2026-07-24T10:00:00Z",
        "content": "<p>words</p>",
        "to": [PUBLIC],
        **changes,
    }


def inbox() -> Reader:
    return Reader("activitypub", BRAND, brand=["https://mastodon.example/users/helper"])


def test_a_like_and_its_undoing_are_one_thing() -> None:
    """Undone whole, by its address, or with a time of its own."""
    for undone in (activity("Like", POST), f"{BOB}#Like/1", {"id": f"{BOB}#Like/1"}):
        reader = inbox()
        liked = reader.one(activity("Like", POST), DATE)
        removed = reader.one(activity("Undo", undone), DATE)
        assert liked.id == removed.id == f"{POST}/{BOB}"
        assert (removed.kind, removed.action) == ("like", "remove")
        assert (removed.time_ms, removed.time_from) == (DATE_MS, "delivery")


def test_a_share_is_undone_by_its_own_id_even_if_it_was_never_seen() -> None:
    """The whole Announce says whose post it was."""
    announce = activity("Announce", POST)
    removed = inbox().one(activity("Undo", announce), DATE)
    assert (removed.kind, removed.action, removed.post, removed.id) == ("share", "remove", POST, announce["id"])


def test_an_actor_removes_only_what_is_his() -> None:
    """Neither what somebody else of his server did, nor what stands on another server."""
    reader = inbox()
    reader.one(activity("Create", note(2, inReplyTo=POST)))
    reader.one(activity("Announce", POST))
    assert reader.one(activity("Delete", note(2)["id"], actor=ANN)) == "not_ours"
    assert reader.one(activity("Undo", f"{BOB}#Announce/1", actor=ANN)) == "not_ours"
    assert reader.one(activity("Undo", activity("Like", POST), actor=ANN)) == "not_ours"
    assert reader.one(activity("Delete", {"id": note(2)["id"], "type": "Tombstone"})).action == "remove"


def test_what_an_actor_did_under_the_former_key_is_still_his() -> None:
    """The directory has the pseudonym of before; nobody else's fits under either key."""
    source, kept = SOURCES["activitypub"], {note(2)["id"]: Known(BRAND, POST, "comment", f"former {BOB}")}
    for actor, expected in ((BOB, "remove"), (ANN, "not_ours")):
        body = json.dumps(activity("Delete", note(2)["id"], actor=actor)).encode()
        context = Context(
            inbox().connection, NOW_MS, lambda _, name: f"new {name}", kept, lambda _, name: f"former {name}"
        )
        (outcome,) = source.normalise(source.parse(Delivery(body, {})), context)
        assert (outcome.interaction.action if isinstance(outcome, Counted) else outcome.reason) == expected


def test_nobody_writes_over_what_another_server_did() -> None:
    """A note, a share or a like whose id lies elsewhere: kept as rejected, or not remembered."""
    reader = inbox()
    foreign = note(2, inReplyTo=POST, id="https://third.example/2")
    (outcome,) = reader.outcomes(activity("Create", foreign))
    assert isinstance(outcome, Unreadable)
    assert outcome.reason == "foreign_id"
    reader.one(activity("Like", POST, id="https://third.example/2"))
    assert reader.directory == {}
    assert reader.one(activity("Create", note(2, author=ANN, inReplyTo=POST))) == "not_ours"


def test_a_connection_removes_nothing_of_an_account_that_it_does_not_serve() -> None:
    """The directory is shared: an entry is no right."""
    reader = inbox()
    reader.directory[note(2)["id"]] = Known("https://mastodon.example/users/else", "p", "comment", BOB)
    assert reader.one(activity("Delete", note(2)["id"])) == "not_ours"


def test_a_reply_to_a_reply_belongs_to_the_post() -> None:
    """What it answers was read before."""
    reader = inbox()
    reader.one(activity("Create", note(2, inReplyTo=POST)))
    found = reader.one(activity("Create", note(3, author=ANN, inReplyTo=note(2)["id"]), actor=ANN))
    assert (found.kind, found.post, found.parent, found.text) == ("comment", POST, note(2)["id"], "words")


def test_an_edit_has_the_time_of_the_edit_and_without_one_it_is_none() -> None:
    """Votes of a poll come as updates too."""
    edited = inbox().one(activity("Update", note(2, inReplyTo=POST, updated="2026-07-24T10:07:18Z")))
    assert (edited.action, edited.id, edited.time_ms) == ("edit", note(2)["id"], DATE_MS)
    assert inbox().one(activity("Update", note(2, inReplyTo=POST))) == "unsupported_item"


@pytest.mark.parametrize("name", ["quote", "quoteUri", "quoteUrl", "_misskey_quote"])
def test_a_quote_is_a_share(name: str) -> None:
    """Whatever the server calls it."""
    found = inbox().one(activity("Create", note(2, **{name: POST})))
    assert (found.kind, found.post, found.id) == ("share", POST, note(2)["id"])


def test_a_reaction_keeps_its_emoji() -> None:
    """Pleroma's form and Misskey's."""
    assert inbox().one(activity("EmojiReact", POST, content="🎉")).reaction == "🎉"
    assert inbox().one(activity("Like", POST, _misskey_reaction=":blob:")).reaction == ":blob:"


def test_the_erasure_of_an_actor_says_whose() -> None:
    """So that what he wrote can be erased."""
    (outcome,) = inbox().outcomes(activity("Delete", BOB))
    assert outcome == Ignored("actor_erasure", BOB)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (activity("Create", note(2)), "mention"),
        (activity("Create", note(2, inReplyTo="https://other.example/users/ann/statuses/9")), "mention"),
        (activity("Create", note(2, inReplyTo="https://mastodon.example/users/else/statuses/9")), "mention"),
        (activity("Like", "https://mastodon.example/users/else/statuses/9"), "not_ours"),
        (activity("Like", BRAND), "not_ours"),
        (activity("Announce", note(9, ANN)["id"], actor=BRAND), "outbound"),
        (activity("Create", note(2, inReplyTo=POST, content=None, name="yes")), "unsupported_item"),
        (activity("Create", note(2)["id"]), "unsupported_item"),
        (activity("Update", {"id": BOB, "type": "Person"}), "identity"),
        (activity("Follow", BRAND), "unsupported_item"),
        (activity("Undo", activity("Follow", BRAND)), "unsupported_item"),
        (activity("Undo", f"{BOB}#Like/404"), "unresolvable_removal"),
        (activity("Delete", f"{BOB}/statuses/404"), "unresolvable_removal"),
    ],
)
def test_what_counts_for_nothing_says_why(body: dict[str, Any], reason: str) -> None:
    """An inbox gets much that is about nobody's post here."""
    assert inbox().one(body) == reason


def test_a_like_of_a_comment_is_no_like_of_the_post() -> None:
    """Nor is a share of one a share."""
    reader = inbox()
    reader.one(activity("Create", note(2, inReplyTo=POST)))
    for kind in ("Like", "Announce"):
        assert reader.one(activity(kind, note(2)["id"], actor=ANN)) == "reaction_on_comment"


def test_a_direct_message_is_not_counted_and_not_kept() -> None:
    """Addressed to the brand alone; one for followers too is a comment like others."""
    direct = note(2, inReplyTo=POST, to=[BRAND], tag=[{"type": "Mention", "href": BRAND}])
    assert inbox().one(activity("Create", direct, to=[BRAND])) == "unsupported_item"
    followers = note(2, inReplyTo=POST, to=[f"{BOB}/followers"], cc=[BRAND])
    assert inbox().one(activity("Create", followers)).kind == "comment"


@pytest.mark.parametrize(
    ("uri", "ours"),
    [
        (POST, True),
        ("https://mastodon.example/objects/1", True),
        ("https://MASTODON.example:443/notes/1", True),
        ("https://mastodon.example/@else/1", False),
        ("https://mastodon.example/ap/users/7/statuses/1", False),
        ("http://mastodon.example/objects/1", False),
        ("https://other.example/objects/1", False),
        ("https://mastodon.example@other.example/objects/1", False),
        ("https://[", False),
    ],
)
def test_whose_post_an_address_means(uri: str, ours: bool) -> None:
    """Below the brand's own address, or on its server where addresses name nobody."""
    found = inbox().one(activity("Like", uri))
    assert (found == "not_ours") is not ours


def test_a_clock_that_goes_ahead_is_not_believed() -> None:
    """A like from the future would be rejected; its receipt is near enough."""
    found = inbox().one(activity("Like", POST), {"Date": "Sat, 25 Jul 2026 10:07:18 GMT"})
    assert (found.time_ms, found.time_from) == (NOW_MS, "received")


@pytest.mark.parametrize(
    ("shown", "media"),
    [
        ({"attachment": [{"type": "Document", "mediaType": "image/png"}]}, "image"),
        ({"attachment": [{"type": "Video"}]}, "video"),
        ({"attachment": [{"type": "Document", "mediaType": "application/pdf"}]}, "other"),
        ({"attachment": [{}, {}]}, "album"),
        ({"type": "Question"}, "poll"),
        ({"type": "Article"}, None),
        ({}, None),
    ],
)
def test_a_post_says_what_it_shows(shown: dict[str, Any], media: str | None) -> None:
    """Only where the brand's own notes reach the inbox at all."""
    found = inbox().one(activity("Create", note(1, BRAND, **shown), actor=BRAND))
    assert (found.kind, found.own, found.media) == ("post", True, media)


@pytest.mark.parametrize("body", [{}, [], {"type": "Like"}, {"type": "Like", "actor": {}}, "x"])
def test_what_has_no_actor_is_no_activity(body: Any) -> None:
    """Refused as a whole."""
    with pytest.raises(UnreadableError):
        inbox().one(body)
