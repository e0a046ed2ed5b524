"""Our own interaction in both public envelopes: totals, what a post shows, and posts that are not to be labelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.interaction import Interaction, decode_interaction, encode_interaction
from tests.reading import NOW_MS, Reader

TOLD = "2026-07-24T10:05:00.000Z"
TOLD_MS = 1_784_887_500_000


def standard(kind: str, action: str, data: dict[str, Any]) -> Any:
    """What Standard Webhooks carry."""
    body = {"type": f"interaction.{kind}.{action}", "timestamp": TOLD}
    return Reader("standardwebhooks").one({**body, "data": {"platform": "shop", "account": "brand", **data}})


def cloud(kind: str, action: str, data: dict[str, Any]) -> Any:
    """What CloudEvents carry."""
    body = {"specversion": "1.0", "type": f"org.example.interaction.{kind}.{action}", "time": TOLD, "id": "e1"}
    return Reader("cloudevents").one({**body, "source": "/platforms/shop/accounts/brand", "data": data})


Envelope = Callable[[str, str, dict[str, Any]], Any]
envelopes = pytest.mark.parametrize("envelope", [standard, cloud])


@envelopes
def test_totals_of_a_post_are_taken_as_they_are(envelope: Envelope) -> None:
    """Zero is a number; what is not told is not in the record, which is one that a worker accepts."""
    found = envelope("totals", "added", {"post": "post-42", "likes": 90, "comments": 0})
    assert found == Interaction(
        platform="shop",
        account="brand",
        kind="totals",
        action="add",
        post="post-42",
        id="post-42",
        time_ms=TOLD_MS,
        likes=90,
        comments=0,
    )
    assert decode_interaction(encode_interaction(found)) == found


@envelopes
def test_totals_without_a_post_are_the_accounts(envelope: Envelope) -> None:
    found = envelope("totals", "added", {"followers": 5000})
    assert (found.post, found.id, found.followers, found.likes) == (None, "brand", 5000, None)


@envelopes
@pytest.mark.parametrize("data", [{}, {"likes": None}, {"followers": None}, {"followers": 5}])
def test_totals_without_a_number_are_kept_as_rejected(envelope: Envelope, data: dict[str, Any]) -> None:
    """Followers are no number of a post."""
    assert envelope("totals", "added", {"post": "post-42", **data}) == "missing_field"


@envelopes
@pytest.mark.parametrize("broken", ["90", -1, True, 1.5, []])
def test_totals_with_a_number_that_is_none_are_kept_as_rejected(envelope: Envelope, broken: Any) -> None:
    """Also beside one that counts: what else it was to say would be lost."""
    assert envelope("totals", "added", {"post": "post-42", "likes": broken}) == "broken_number"
    assert envelope("totals", "added", {"post": "post-42", "likes": broken, "comments": 3}) == "broken_number"


@envelopes
def test_totals_of_an_account_without_followers_are_kept_as_rejected(envelope: Envelope) -> None:
    """Likes are of a post; without one they would count nowhere."""
    assert envelope("totals", "added", {"likes": 90, "comments": 5, "shares": 1}) == "missing_field"


@envelopes
@pytest.mark.parametrize("action", ["edited", "removed", "polled"])
def test_totals_are_only_ever_added(envelope: Envelope, action: str) -> None:
    """They are absolute: the newest wins."""
    assert envelope("totals", action, {"post": "post-42", "likes": 90}) == "unsupported_item"


@envelopes
@pytest.mark.parametrize(("said", "expected"), [("video", "video"), ("poll", "poll"), ("hologram", None), (5, None)])
def test_a_post_may_say_what_it_shows(envelope: Envelope, said: Any, expected: str | None) -> None:
    """An unknown word is left out: it is not worth a lost post."""
    assert envelope("post", "added", {"post": "post-42", "media": said}).media == expected


@envelopes
@pytest.mark.parametrize(("said", "expected"), [(False, False), (True, True), (None, True), ("false", True)])
def test_a_post_may_say_that_it_is_not_to_be_labelled(envelope: Envelope, said: Any, expected: bool) -> None:
    """Only `false` does; a comment is never labelled, and says nothing about it."""
    assert envelope("post", "added", {"post": "post-42", "questions": said}).questions is expected
    assert envelope("comment", "added", {"post": "post-42", "id": "c", "comment": "c", "questions": said}).questions


def test_totals_without_a_time_have_that_of_receipt() -> None:
    body = {"type": "interaction.totals.added", "data": {"platform": "shop", "account": "brand", "followers": 1}}
    found = Reader("standardwebhooks").one(body)
    assert (found.time_ms, found.time_from) == (NOW_MS, "received")
