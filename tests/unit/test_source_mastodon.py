"""Mastodon beyond the corpus: replies, edits, boosts and quotes by both ways, and what is nobody's business."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import UnreadableError
from tests.reading import NOW_MS, Reader

BRAND, ALICE, CAROL = "14715", "971724", "5"
CREATED_MS, EDITED_MS = 1_784_887_200_000, 1_784_887_260_000


def status(number: int, author: str, **changes: Any) -> dict[str, Any]:
    """A public status."""
    return {
        "id": str(number),
        "account": {"id": author},
        "created_at": "2026-07-24T10:00:00.000Z",
        "edited_at": None,
        "content": "<p>words</p>",
        "visibility": "public",
        "in_reply_to_id": None,
        **changes,
    }


def reply(number: int, author: str, to: int, to_author: str, **changes: Any) -> dict[str, Any]:
    return status(number, author, in_reply_to_id=str(to), in_reply_to_account_id=to_author, **changes)


def webhook(value: dict[str, Any], event: str = "status.created") -> dict[str, Any]:
    return {"event": event, "created_at": "2026-07-24T10:00:01.000Z", "object": value}


def frame(event: str, value: Any) -> dict[str, Any]:
    """A frame of the streaming API."""
    return {"stream": ["user"], "event": event, "payload": value if event == "delete" else json.dumps(value)}


def notification(kind: str, by: str, about: dict[str, Any]) -> dict[str, Any]:
    told = {"id": "1", "type": kind, "created_at": "2026-07-24T10:01:00Z", "account": {"id": by}, "status": about}
    return frame("notification", told)


def instance(brand: str = BRAND) -> Reader:
    return Reader("mastodon", brand, brand=[CAROL])


def test_a_reply_to_a_reply_belongs_to_the_post() -> None:
    """The thread's post is known from what was read before; the brand's answer is its own."""
    reader = instance()
    reader.one(webhook(status(1, BRAND)))
    first = reader.one(webhook(reply(2, ALICE, 1, BRAND)))
    answer = reader.one(webhook(reply(3, BRAND, 2, ALICE)))
    assert (first.kind, first.post, first.parent, first.own) == ("comment", "1", None, False)
    assert (answer.kind, answer.post, answer.parent, answer.own) == ("comment", "1", "2", True)


@pytest.mark.parametrize("way", [webhook, lambda value: frame("update", value)])
def test_what_answers_the_brands_reply_to_somebody_elses_status_is_a_mention(way: Any) -> None:
    """A customer's own status, the brand's answer, his thanks: no post of the brand. Nor is there one to remove."""
    reader = instance()
    said = [reply(50, BRAND, 40, ALICE), reply(60, ALICE, 50, BRAND), reply(70, BRAND, 50, BRAND)]
    assert [reader.one(way(value)) for value in said] == ["outbound", "mention", "outbound"]
    assert reader.one(frame("delete", "50")) == "outbound"


def test_the_same_reply_by_webhook_and_by_stream_is_one_comment() -> None:
    """A mention and a status in the timeline hold the status that the webhook holds."""
    value = reply(2, ALICE, 1, BRAND)
    told = [
        instance().one(delivery)
        for delivery in (webhook(value), frame("update", value), notification("mention", ALICE, value))
    ]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("way", [webhook, lambda value, _: frame("status.update", value)])
def test_an_edit_has_the_time_of_the_edit(way: Any) -> None:
    """`edited_at`, not `created_at`."""
    edited = instance().one(way(reply(2, ALICE, 1, BRAND, edited_at="2026-07-24T10:01:00Z"), "status.updated"))
    assert (edited.action, edited.time_ms, edited.time_from) == ("edit", EDITED_MS, "platform")


def test_an_edit_without_its_time_has_the_time_of_sending() -> None:
    """The webhook's own `created_at`."""
    edited = instance().one(webhook(status(1, BRAND), "status.updated"))
    assert (edited.time_ms, edited.time_from) == (CREATED_MS + 1000, "delivery")


def test_a_boost_in_the_timeline_and_its_notification_are_one_share() -> None:
    """And the removal of the boosting status removes it."""
    reader = instance()
    seen = reader.one(frame("update", status(7, ALICE, content="", reblog=status(1, BRAND))))
    told = reader.one(notification("reblog", ALICE, status(1, BRAND)))
    assert (seen.kind, seen.id) == (told.kind, told.id) == ("share", f"1/boost/{ALICE}")
    removed = reader.one(frame("delete", "7"))
    assert (removed.action, removed.id, removed.time_ms, removed.time_from) == ("remove", told.id, NOW_MS, "received")


def test_a_quote_is_a_share() -> None:
    """Of the quoted post; a quote of somebody else is not ours."""
    quoted = {"state": "accepted", "quoted_status": status(1, BRAND)}
    found = instance().one(webhook(status(8, ALICE, quote=quoted)))
    assert (found.kind, found.post, found.id) == ("share", "1", "8")
    assert instance("99").one(webhook(status(8, ALICE, quote=quoted))) == "not_ours"


@pytest.mark.parametrize(
    ("delivery", "reason"),
    [
        (notification("favourite", ALICE, reply(3, BRAND, 2, ALICE)), "reaction_on_comment"),
        (notification("reblog", ALICE, reply(3, BRAND, 2, ALICE)), "reaction_on_comment"),
        (notification("favourite", ALICE, status(9, ALICE)), "not_ours"),
        (notification("follow", ALICE, {}), "unsupported_item"),
        (webhook(status(1, ALICE)), "not_ours"),
        (webhook(status(1, ALICE, mentions=[{"id": BRAND}])), "mention"),
        (webhook(reply(2, BRAND, 9, ALICE)), "outbound"),
        (webhook(reply(2, CAROL, 9, ALICE)), "outbound"),
        (webhook(status(2, BRAND, reblog=status(9, ALICE))), "outbound"),
        (webhook(reply(2, ALICE, 1, BRAND, visibility="direct")), "unsupported_item"),
        (webhook({"id": "5"}, "account.created"), "unsupported_item"),
        (frame("filters_changed", None), "unsupported_item"),
        (frame("delete", "404"), "unresolvable_removal"),
    ],
)
def test_what_counts_for_nothing_says_why(delivery: dict[str, Any], reason: str) -> None:
    """A direct message counts for nothing, and its text is never kept."""
    assert instance().one(delivery) == reason


@pytest.mark.parametrize(
    ("shown", "media"),
    [
        ({"media_attachments": [{"type": "image"}]}, "image"),
        ({"media_attachments": [{"type": "gifv"}]}, "video"),
        ({"media_attachments": [{"type": "image"}, {"type": "image"}]}, "album"),
        ({"media_attachments": [{"type": "unknown"}]}, "other"),
        ({"media_attachments": [], "poll": {"id": "1"}}, "poll"),
        ({"media_attachments": [], "card": {"url": "https://a.example"}}, "link"),
        ({}, None),
    ],
)
def test_a_post_says_what_it_shows(shown: dict[str, Any], media: str | None) -> None:
    """Text alone is not told."""
    assert instance().one(webhook(status(1, BRAND, **shown))).media == media


def test_a_content_warning_is_a_part_of_the_text() -> None:
    """It is what one reads first."""
    assert instance().one(webhook(status(1, BRAND, spoiler_text="food"))).text == "food\nwords"


@pytest.mark.parametrize("body", [{"event": 1}, {"object": {}}, frame("update", 1) | {"payload": "{"}, [1], "x"])
def test_what_is_no_event_is_unreadable(body: Any) -> None:
    """Refused as a whole, kept with its bytes."""
    with pytest.raises(UnreadableError):
        instance().one(body)
