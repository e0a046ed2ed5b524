"""Our own interaction in both public envelopes: totals, what a post shows, and posts that are not to be labelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from pipeline.sources.cloudevents import SOURCE_END
from schemas.interaction import Interaction, decode_interaction, encode_interaction
from tests.reading import NOW_MS, Reader
from tests.yardstick import takes_less

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


@pytest.mark.parametrize(
    ("accounts", "served"),
    [
        (("shop:77",), ["shop"]),
        (("77",), ["shop", "x"]),
        ((), ["shop", "x"]),
        (("x:78", "shop"), []),
        (("shop:7",), []),
    ],
)
def test_an_account_may_be_named_with_its_platform(accounts: tuple[str, ...], served: list[str]) -> None:
    """Alone, an id is of whatever platform: a connection of the forum's 77 spoke for x's 77, too."""
    like = {"post": "p", "actor": "a", "account": "77"}
    for platform in ("shop", "x"):
        standard = {"type": "interaction.like.added", "data": {**like, "platform": platform}}
        cloud = {"specversion": "1.0", "type": "interaction.like.added", "source": f"/platforms/{platform}/accounts/77"}
        found = Reader("standardwebhooks", *accounts).one(standard)
        assert (found if isinstance(found, str) else found.platform) == (platform if platform in served else "not_ours")
        found = Reader("cloudevents", *accounts).one({**cloud, "data": like})
        assert (found if isinstance(found, str) else found.platform) == (platform if platform in served else "not_ours")


@envelopes
def test_a_type_over_256_characters_is_none_of_ours(envelope: Envelope) -> None:
    """However long, dots take no longer than letters: 4 MB of them took 130 ms."""
    assert envelope("like", "added", {"post": "p", "actor": "a"}).kind == "like"

    def read(letter: str) -> None:
        for told in (f"{letter * 3_900_000}interaction.like.added", f"{letter * 3_900_000}test"):
            body = {"type": told, "specversion": "1.0", "data": {}}
            assert Reader("standardwebhooks").one(body) == Reader("cloudevents").one(body) == "unsupported_item"

    assert takes_less(lambda: read("."), 2, lambda: read("a"))


def test_a_source_is_read_from_its_end() -> None:
    """However long it is: 4 MB of slashes took 140 ms. Where the look begins is no beginning of its own."""
    account = "ä" * 128
    event = {"specversion": "1.0", "type": "interaction.like.added", "data": {"post": "p", "actor": "a"}}
    ours = f"platforms/shop/accounts/{quote(account)}"
    for before in ("", "/", "https://e.example/", "/" * 3_900_000):
        assert Reader("cloudevents").one({**event, "source": before + ours}).account == account
    for length in (1, SOURCE_END - len(ours), 3_900_000):
        assert Reader("cloudevents").one({**event, "source": "x" * length + ours}) == "missing_field"
    assert Reader("cloudevents").one({**event, "source": ours + "a" * SOURCE_END}) == "missing_field"
