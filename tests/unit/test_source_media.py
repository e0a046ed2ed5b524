"""What a post shows, where Facebook and X tell it; silence where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reading import Reader


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"item": "photo"}, "image"),
        ({"item": "video"}, "video"),
        ({"item": "link"}, "link"),
        ({"item": "status"}, None),
        ({"item": "share"}, None),
        ({"item": "status", "photos": ["a"]}, "image"),
        ({"item": "status", "photos": ["a", "b"]}, "album"),
        ({"item": "photo", "photo_ids": ["1", "2"]}, "album"),
    ],
)
def test_a_post_on_facebook_shows_what_its_item_says(value: dict[str, Any], expected: str | None) -> None:
    change = {"verb": "add", "post_id": "1_2", "from": {"id": "1"}, "created_time": 100, **value}
    body = {"object": "page", "entry": [{"id": "1", "time": 100, "changes": [{"field": "feed", "value": change}]}]}
    assert Reader("facebook").one(body).media == expected


def shown(*kinds: str) -> dict[str, Any]:
    return {"media": [{"type": kind} for kind in kinds]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"extended_entities": shown("photo")}, "image"),
        ({"entities": shown("photo"), "extended_entities": shown("animated_gif")}, "video"),
        ({"extended_entities": shown("photo", "photo")}, "album"),
        ({"extended_tweet": {"extended_entities": shown("video")}, "entities": {"urls": [{}]}}, "video"),
        ({"entities": {"urls": [{}]}}, "link"),
        ({"entities": {"urls": [{}]}, "is_quote_status": True}, None),
        ({"entities": {"urls": [], "media": ["x", None]}}, "album"),
        ({}, None),
    ],
)
def test_a_post_of_the_account_activity_api_carries_its_media(value: dict[str, Any], expected: str | None) -> None:
    post = {"id_str": "9", "user": {"id_str": "1"}, "timestamp_ms": "1", **value}
    assert Reader("x").one({"for_user_id": "1", "tweet_create_events": [post]}).media == expected


@pytest.mark.parametrize(
    ("value", "came", "expected"),
    [
        ({"attachments": {"media_keys": ["3_1"]}}, [{"media_key": "3_1", "type": "photo"}], "image"),
        ({"attachments": {"media_keys": ["7_1"]}}, [], "other"),
        ({"attachments": {"media_keys": ["3_1", "3_2"]}}, [], "album"),
        ({"attachments": {"media_keys": [["x"]]}}, [], "other"),
        ({"attachments": {"poll_ids": ["1"]}}, [], "poll"),
        ({"entities": {"urls": [{}]}}, [], "link"),
        ({"entities": {"urls": [{}]}, "referenced_tweets": [{"type": "quoted", "id": "5"}]}, [], None),
        ({}, [], None),
    ],
)
def test_a_post_of_the_x_activity_api_names_its_media(
    value: dict[str, Any], came: list[dict[str, str]], expected: str | None
) -> None:
    """What they are stands beside it, or is not told."""
    post = {"id": "900", "author_id": "1", "created_at": "2026-07-24T21:05:48.000Z", **value}
    data = {"filter": {"user_id": "1"}, "event_type": "post.create", "payload": post, "includes": {"media": came}}
    assert Reader("x").one({"data": data}).media == expected
