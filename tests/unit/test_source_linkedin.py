"""LinkedIn beyond the corpus: the two URNs of posts and comments, likes of comments, edits, removals, the challenge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import RefusedError
from pipeline.settings import Secret
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.registry import SOURCES
from pipeline.sources.signatures import verify
from tests.reading import Reader

PAGE, FAN = "urn:li:organization:1", "urn:li:person:A"
POST, SHARE = "urn:li:activity:70", "urn:li:share:60"
COMMENT = "urn:li:comment:(activity:70,71)"


def notice(action: str, urn: str | None, detail: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A delivery of one notification; a key that is None is left out."""
    value = {
        "action": action,
        "organizationalEntity": PAGE,
        "sourcePost": POST,
        "decoratedSourcePost": {"entity": SHARE},
        "generatedActivity": urn,
        "decoratedGeneratedActivity": {"comment": detail} if detail else None,
        "lastModifiedAt": 1_691_574_506_310,
        **changes,
    }
    kept = {key: item for key, item in value.items() if item is not None}
    return {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [kept]}


def test_a_post_counts_under_its_activity_also_where_only_the_share_is_named() -> None:
    """The share's URN is learned from a notification with both; one that was never seen stands for itself."""
    reader = Reader("linkedin")
    bare = {"sourcePost": None}
    before = reader.one(notice("SHARE", "urn:li:share:61", **bare))
    assert before.post == SHARE
    reader.one(notice("LIKE", f"urn:li:like:({FAN},{POST})"))
    assert reader.one(notice("SHARE", "urn:li:share:62", **bare)).post == POST


def test_both_urns_of_a_comment_name_the_same_comment() -> None:
    """Also as what an answer hangs on; a comment's URN names its post."""
    reader = Reader("linkedin")
    reader.one(notice("COMMENT", COMMENT, {"owner": FAN, "text": "Why?", "object": POST}))
    answered = {"owner": PAGE, "text": "So", "object": "urn:li:comment:(urn:li:activity:70,71)"}
    answer = reader.one(notice("ADMIN_COMMENT", "urn:li:comment:(urn:li:activity:70,72)", answered))
    assert (answer.id, answer.parent, answer.own, answer.actor) == ("72", "71", True, PAGE)
    bare = {"sourcePost": None, "decoratedSourcePost": None}
    assert reader.one(notice("COMMENT_EDIT", COMMENT, {"owner": FAN, "text": "Why not?"}, **bare)).post == POST


def test_a_removal_that_names_the_comment_alone_is_found_by_it() -> None:
    """Comments on a `ugcPost` do not carry the activity."""
    reader, urn = Reader("linkedin"), "urn:li:comment:(urn:li:ugcPost:5,71)"
    bare = {"sourcePost": None, "decoratedSourcePost": None}
    assert reader.one(notice("COMMENT_DELETE", urn, **bare)) == "unresolvable_removal"
    reader.one(notice("COMMENT", urn, {"owner": FAN, "text": "Why?"}))
    removed = reader.one(notice("COMMENT_DELETE", urn, **bare))
    assert (removed.action, removed.post, removed.id) == ("remove", POST, "71")


@pytest.mark.parametrize("about", [COMMENT, "urn:li:comment:(urn:li:activity:70,71)"])
def test_a_like_of_a_comment_is_no_like_of_the_post(about: str) -> None:
    assert Reader("linkedin").one(notice("LIKE", f"urn:li:like:({FAN},{about})")) == "reaction_on_comment"
    assert Reader("linkedin").one(notice("LIKE", "urn:li:like:5", sourcePost=about)) == "reaction_on_comment"


def test_a_like_whose_urn_does_not_say_who_is_known_by_the_urn() -> None:
    like = Reader("linkedin").one(notice("LIKE", "urn:li:like:12345"))
    assert (like.id, like.actor) == ("urn:li:like:12345", None)


def test_the_page_that_likes_its_own_post_is_no_audience() -> None:
    assert Reader("linkedin").one(notice("LIKE", f"urn:li:like:({PAGE},{POST})")).own is True


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (notice("SHARE_MENTION", "urn:li:share:9"), "mention"),
        (notice("FOLLOW", None), "unsupported_item"),
        (notice("LIKE", None), "missing_field"),
        (notice("COMMENT", "urn:li:comment:9"), "missing_field"),
        (notice("SHARE", "urn:li:share:9", organizationalEntity="urn:li:organization:2"), "not_ours"),
        ({**notice("LIKE", "urn:li:like:9"), "type": "OTHER"}, "unsupported_item"),
    ],
)
def test_what_does_not_count_has_its_reason(body: dict[str, Any], reason: str) -> None:
    assert Reader("linkedin", PAGE).one(body) == reason


def test_an_unknown_organisation_is_the_connections_only_one() -> None:
    assert Reader("linkedin", PAGE).one(notice("LIKE", "urn:li:like:9", organizationalEntity=None)).account == PAGE


def challenge(query: str, secrets: tuple[Secret, ...]) -> Any:
    connection = Connection("test", "linkedin", "linkedin", secrets)
    return SOURCES["linkedin"].answer(Delivery(b"", {}, method="GET", query=query), connection)


def test_the_challenge_is_answered_with_its_hmac_under_the_newest_secret() -> None:
    """The value was computed with another program (openssl)."""
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    answer = challenge(f"challengeCode={code}&applicationId=5", (Secret("linkedin-client-secret"), Secret("older")))
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert json.loads(answer.body) == {
        "challengeCode": code,
        "challengeResponse": "e9567c49fee6d803311de224f2be5dc1b7f61cae1810ae05866223f4caa1724f",
    }


@pytest.mark.parametrize("code", ['hmacsha256={"type":"X"}', "%22", "", "a" * 600])
def test_nothing_is_signed_that_could_be_a_delivery(code: str) -> None:
    """A challenge is chosen by whoever asks."""
    with pytest.raises(RefusedError, match=r"malformed_challenge|missing_challenge"):
        challenge(f"challengeCode={code}", (Secret("s"),))


def test_no_secret_answers_no_challenge() -> None:
    with pytest.raises(RefusedError, match="no_secret"):
        challenge("challengeCode=a", ())


def test_the_prefix_is_signed_and_not_sent() -> None:
    """A header that carries the prefix is refused, as LinkedIn's own description has it."""
    signature = "600140396057cd4318cc798837be24548d3177d2169cee5259ae96e8f6be266a"
    with pytest.raises(RefusedError):
        verify("linkedin", Delivery(b"{}", {"x-li-signature": f"hmacsha256={signature}"}), (Secret("s"),), 0)
