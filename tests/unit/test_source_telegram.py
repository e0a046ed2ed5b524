"""Telegram beyond the corpus: whose a message is, what it hangs on, what it shows, and reactions of all kinds."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.settings import Secret
from pipeline.sources.registry import SOURCES
from tests.reading import Reader

CHANNEL, GROUP = {"id": -1, "type": "channel", "username": "brand"}, {"id": -2, "type": "supergroup"}
FAN = {"id": 7}
THUMB = {"type": "emoji", "emoji": "👍"}


def update(**fields: Any) -> dict[str, Any]:
    return {"update_id": 1, **fields}


def message(number: int, **changes: Any) -> dict[str, Any]:
    """A message in the group."""
    return {"message_id": number, "chat": GROUP, "from": FAN, "date": 100, "text": "words", **changes}


def copy(number: int, post: int) -> dict[str, Any]:
    """Telegram's own copy of a channel's post in the group."""
    origin = {"type": "channel", "chat": CHANNEL, "message_id": post}
    return message(number, sender_chat=CHANNEL, is_automatic_forward=True, forward_origin=origin)


def comment(number: int, on: int = 10, **changes: Any) -> dict[str, Any]:
    return message(number, message_thread_id=10, reply_to_message={"message_id": on, "chat": GROUP}, **changes)


def reaction(number: int, old: list[Any], new: list[Any], **changes: Any) -> dict[str, Any]:
    value = {"chat": GROUP, "message_id": number, "user": FAN, "date": 200, "old_reaction": old, "new_reaction": new}
    return update(message_reaction={**value, **changes})


def group() -> Reader:
    """A reader that has seen the copy of post 5 as message 10."""
    reader = Reader("telegram", "-1")
    assert reader.one(update(message=copy(10, 5))) == "unsupported_item"
    return reader


def test_an_answer_to_a_comment_belongs_to_the_post_of_its_thread() -> None:
    """Also where that comment was never seen."""
    reader = group()
    for answered in (11, 99):
        reader.one(update(message=comment(11)))
        found = reader.one(update(message=comment(12, on=answered)))
        assert (found.post, found.parent, found.id) == ("-1/5", f"-2/{answered}", "-2/12")


def test_an_answer_without_a_thread_is_found_by_the_comment_that_it_answers() -> None:
    reader = group()
    reader.one(update(message=comment(11)))
    found = reader.one(update(message=message(12, reply_to_message={"message_id": 11, "chat": GROUP})))
    assert (found.post, found.parent) == ("-1/5", "-2/11")


def test_a_copy_is_also_learned_from_a_comment_that_quotes_it() -> None:
    """For posts that are older than the connection; the form before version 7.0 of the Bot API is read too."""
    old = message(10, is_automatic_forward=True, forward_from_chat=CHANNEL, forward_from_message_id=5)
    reader = Reader("telegram", "-1")
    assert reader.one(update(message=message(11, message_thread_id=10, reply_to_message=old))).post == "-1/5"
    assert reader.one(reaction(10, [], [THUMB])).post == "-1/5"


@pytest.mark.parametrize("sender", [CHANNEL, GROUP])
def test_what_is_written_in_the_name_of_channel_or_group_is_the_brands(sender: dict[str, Any]) -> None:
    """An administrator who stays anonymous writes as the group."""
    assert group().one(update(message=comment(11, sender_chat=sender))).own is True


def test_an_edit_has_the_time_of_the_edit() -> None:
    found = group().one(update(edited_message=comment(11, edit_date=300)))
    assert (found.action, found.time_ms) == ("edit", 300_000)
    post = Reader("telegram").one(update(edited_channel_post=message(5, chat=CHANNEL, edit_date=300)))
    assert (post.kind, post.action, post.time_ms, post.url) == ("post", "edit", 300_000, "https://t.me/brand/5")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"photo": [{}]}, "image"),
        ({"animation": {}, "document": {}}, "video"),
        ({"voice": {}}, "audio"),
        ({"poll": {}}, "poll"),
        ({"document": {}}, "other"),
        ({"photo": [{}], "media_group_id": "1"}, "album"),
        ({"text": "see", "link_preview_options": {"url": "https://a.example"}}, "link"),
        ({"text": "see", "link_preview_options": {"url": "https://a.example", "is_disabled": True}}, None),
    ],
)
def test_a_post_says_what_it_shows(shown: dict[str, Any], expected: str | None) -> None:
    """What is written under a picture is its text."""
    value = {"message_id": 5, "chat": CHANNEL, "date": 100, "caption": "look", **shown}
    post = Reader("telegram").one(update(channel_post=value))
    assert (post.media, post.text) == (expected, shown.get("text", "look"))


def test_reactions_that_end_are_a_removal_and_a_paid_or_custom_one_has_its_word() -> None:
    """Whoever reacts in the name of the group is the brand."""
    reader = group()
    removed = reader.one(reaction(10, [THUMB], []))
    assert (removed.action, removed.id, removed.reaction) == ("remove", "-1/5/7", None)
    words = [{"type": "custom_emoji", "custom_emoji_id": "53"}, {"type": "paid"}]
    assert [reader.one(reaction(10, [], [word])).reaction for word in words] == ["53", "paid"]
    assert reader.one(reaction(10, [], [THUMB], user=None, actor_chat=GROUP)).own is True


def test_a_channels_reactions_are_totals_of_the_post() -> None:
    """None left is a number too; the same of a copy in the group is not the post's."""
    value = {"chat": CHANNEL, "message_id": 5, "date": 100, "reactions": []}
    found = Reader("telegram").one(update(message_reaction_count=value))
    assert (found.kind, found.likes, found.post, found.id) == ("totals", 0, "-1/5", "-1/5")
    copied = update(message_reaction_count={**value, "chat": GROUP, "message_id": 10})
    assert group().one(copied) == "unsupported_item"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (update(message=message(50)), "unsupported_item"),
        (update(message=comment(11, text=None)), "unsupported_item"),
        (update(channel_post={"message_id": 5, "chat": CHANNEL, "date": 1, "new_chat_title": "x"}), "unsupported_item"),
        (update(channel_post=message(5, chat={"id": -9, "type": "channel"})), "not_ours"),
        (update(channel_post={"text": "words"}), "missing_field"),
        (update(callback_query={}), "unsupported_item"),
        (update(), "unsupported_item"),
        (reaction(10, [], []), "unsupported_item"),
        (reaction(50, [], [THUMB]), "unsupported_item"),
        (reaction(50, [THUMB], []), "unresolvable_removal"),
        (reaction(11, [], [THUMB]), "reaction_on_comment"),
        (reaction(10, [], [THUMB], user=None), "missing_field"),
        (reaction(10, [], [THUMB], message_id=None), "missing_field"),
        (update(my_chat_member={"chat": CHANNEL, "new_chat_member": {"status": "kicked"}}), "subscription_ended"),
        (update(my_chat_member={"chat": CHANNEL, "new_chat_member": {"status": "member"}}), "unsupported_item"),
    ],
)
def test_what_does_not_count_has_its_reason(body: dict[str, Any], reason: str) -> None:
    reader = group()
    reader.one(update(message=comment(11)))
    assert reader.one(body) == reason


def test_a_copy_of_another_channels_post_teaches_nothing() -> None:
    """A connection cannot make messages of a group stand for posts that it does not serve."""
    reader = Reader("telegram", "-9")
    assert reader.one(update(message=copy(10, 5))) == "not_ours"
    assert reader.directory == {}


@pytest.mark.parametrize(("secret", "fits"), [("telegram_secret-1", True), ("", False), ("a b", False), ("ä", False)])
def test_a_secret_is_what_telegram_can_send(secret: str, fits: bool) -> None:
    """Refused at start; it would refuse every delivery."""
    assert (SOURCES["telegram"].check_secret(Secret(secret)) is None) is fits
