"""What no delivery may do, whatever it holds: break the reader, or carry a platform's actor id into a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UnreadableError
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.settings import Secret
from pipeline.sources.context import Context, Pseudonym
from pipeline.sources.delivery import Connection, Delivery, join_headers
from pipeline.sources.outcomes import Counted, Known, Outcome, Unreadable, decode_known, encode_known
from pipeline.sources.registry import SOURCES
from schemas.interaction import LONGEST_ID
from tests.contract.corpus import PAYLOADS, Case, cases
from tests.reading import Reader

NOW_MS = 1_784_900_000_000
#: What stands for an actor in the directory: entries hold pseudonyms.
HIDDEN = "0" * 32
JSON_CASES = [case for case in cases() if case.file.suffix == ".json"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def read(platform: str, body: bytes, pseudonym: Pseudonym, case: Case | None = None) -> list[Outcome]:
    """The outcomes of a body in the circumstances of a case; without one for a connection that serves every account."""
    source, expected = SOURCES[platform], case.expected if case else {}
    facts, known = expected.get("connection", {}), expected.get("directory", {})
    connection = Connection(
        "test",
        platform,
        source.schemes[0],
        accounts=frozenset({facts["account"]} if "account" in facts else ()),
        brand_actors=frozenset(facts.get("brand_actors", ())),
    )
    headers = [*expected.get("headers", {}).items(), ("Content-Type", expected.get("content_type", ""))]
    parsed = source.parse(Delivery(body, join_headers(headers), received_ms=NOW_MS))
    set(source.references(parsed))
    hidden = {name: Known(**{**entry, "actor": HIDDEN}) for name, entry in known.items()}
    return source.normalise(parsed, Context(connection, NOW_MS, pseudonym, hidden))


def plain(_: str, actor: str) -> str:
    return actor


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key)
        yield from places(child, (*path, key))


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The value with one place in it replaced."""
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], junk)
    return copy


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_junk_anywhere_in_a_delivery_gives_outcomes_and_never_another_exception(data: st.DataObject) -> None:
    """Any value at any place: every item has an outcome, or the whole is refused as unreadable."""
    case = data.draw(st.sampled_from(JSON_CASES))
    body = json.loads(case.file.read_text())
    junk = put(body, data.draw(st.sampled_from(list(places(body)))), data.draw(JUNK))
    try:
        outcomes = read(case.expected["platform"], json.dumps(junk).encode(), plain, case)
    except UnreadableError:
        return
    assert all(isinstance(outcome, Counted) or outcome.reason for outcome in outcomes)


@pytest.mark.parametrize("platform", SOURCES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
        b'{"entry":[1e400]}',
        b'{"entry":[' + b"9" * 5000 + b"]}",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_delivery_is_unreadable_or_empty(platform: str, body: bytes) -> None:
    """Nothing is counted and nothing but UnreadableError is raised."""
    case = next((case for case in cases() if case.expected["platform"] == platform), None)
    try:
        outcomes = read(platform, body, plain, case)
    except UnreadableError:
        return
    assert not [outcome for outcome in outcomes if isinstance(outcome, Counted)]


@pytest.mark.parametrize("case", JSON_CASES, ids=lambda case: case.name)
def test_no_actor_of_a_platform_reaches_a_record(case: Case) -> None:
    """Neither as `actor` nor inside the id of a like, the brand's own actors included."""
    key = keyed_pseudonym(Secret("k" * 32))
    for outcome in read(case.expected["platform"], case.file.read_bytes(), key, case):
        if not isinstance(outcome, Counted):
            continue
        record = json.loads(outcome.value)
        actors = {expected.get("actor") for expected in case.expected["interactions"]} - {None}
        assert record.get("actor") not in actors
        assert record["kind"] != "like" or not any(record["id"].endswith(f"/{actor}") for actor in actors)


def test_one_actor_keeps_one_pseudonym_and_platforms_do_not_share_it() -> None:
    """Stable under the same key; another key or platform gives another."""
    first, second = keyed_pseudonym(Secret("a" * 32)), keyed_pseudonym(Secret("b" * 32))
    assert first("x", "42") == first("x", "42")
    assert len({first("x", "42"), first("facebook", "42"), second("x", "42"), first("x", "43")}) == 4
    assert len(first("x", "42")) == 32


def test_a_text_cut_in_an_emoji_does_not_spoil_the_delivery() -> None:
    """Half of a surrogate pair is replaced; the comment counts, and so does everything beside it."""
    body = (PAYLOADS / "facebook-comment-add.json").read_text().replace("and the next one", "cut \\ud83d and \\\\ud83d")
    (outcome,) = read("facebook", body.encode(), plain)
    assert isinstance(outcome, Counted)
    assert outcome.interaction.text == "❤️ cut � and \\ud83d"


def test_an_item_that_breaks_the_schema_is_kept_alone_and_can_be_read_again() -> None:
    """What is kept is the smallest delivery with that item; the others of the batch count."""
    body = json.loads((PAYLOADS / "facebook-batch-mixed.json").read_text())
    body["entry"][0]["changes"][0]["value"]["post_id"] = "1_" + "9" * 2000
    outcomes = read("facebook", json.dumps(body).encode(), plain)
    assert sum(isinstance(outcome, Counted) for outcome in outcomes) == 2
    (broken,) = [outcome for outcome in outcomes if isinstance(outcome, Unreadable)]
    assert broken.stage == "schema"
    kept = json.loads(broken.item)
    kept["entry"][0]["changes"][0]["value"]["post_id"] = "1_2"
    (again,) = read("facebook", json.dumps(kept).encode(), plain)
    assert isinstance(again, Counted)
    assert again.interaction.post == "1_2"


def test_a_reply_and_the_comment_that_it_answers_may_arrive_in_one_delivery() -> None:
    """What earlier items of a delivery teach is known to the later ones."""
    comment = json.loads((PAYLOADS / "x-aaa-tweet-create-reply.json").read_text())
    answer = json.loads((PAYLOADS / "x-aaa-tweet-create-brand-reply.json").read_text())
    comment["tweet_create_events"] += answer["tweet_create_events"]
    first, second = read("x", json.dumps(comment).encode(), plain)
    assert isinstance(first, Counted)
    assert isinstance(second, Counted)
    assert second.interaction.parent == first.interaction.id
    assert second.interaction.post == first.interaction.post


def test_a_connection_cannot_remove_what_belongs_to_an_account_that_it_does_not_serve() -> None:
    """The directory is shared by all connections of a platform: an entry is no right."""
    source = SOURCES["x"]
    body = (PAYLOADS / "x-aaa-tweet-delete.json").read_bytes()
    connection = Connection("test", "x", "x", accounts=frozenset({"930524282358325248"}))
    known = {"1045405559317569537": Known("another brand", "1045405559317569537", "post")}
    parsed = source.parse(Delivery(body, {}))
    for served, expected in ((connection, "not_ours"), (replace(connection, accounts=frozenset()), "remove")):
        (outcome,) = source.normalise(parsed, Context(served, NOW_MS, plain, known))
        said = outcome.interaction.action if isinstance(outcome, Counted) else outcome.reason
        assert said == expected


LONG = "9" * (LONGEST_ID + 1)
REPLY = {"in_reply_to_tweet_id": "5", "in_reply_to_user_id": "8", "conversation_id": "5", "author_id": "1"}
STATUS = {"account": {"id": "1"}, "in_reply_to_id": "5", "in_reply_to_account_id": "8", "content": "words"}
REPLIED = {"uri": "at://did:plc:b/app.bsky.feed.post/5"}
RECORD = {"text": "words", "reply": {"root": REPLIED, "parent": REPLIED}}


@pytest.mark.parametrize(
    ("platform", "account", "form"),
    [
        (
            "x",
            "1",
            {"data": {"filter": {"user_id": "1"}, "event_type": "post.create", "payload": {**REPLY, "id": "@"}}},
        ),
        ("mastodon", "1", {"event": "status.created", "object": {**STATUS, "id": "@"}}),
        (
            "bluesky",
            "did:plc:a",
            {
                "kind": "commit",
                "did": "did:plc:a",
                "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "@", "record": RECORD},
            },
        ),
        (
            "telegram",
            "-1",
            {
                "update_id": 1,
                "message": {
                    "message_id": "@",
                    "chat": {"id": -2},
                    "is_automatic_forward": True,
                    "forward_origin": {"chat": {"id": -1}, "message_id": 5},
                },
            },
        ),
        (
            "telegram",
            "-1",
            {
                "update_id": 1,
                "message": {
                    "message_id": 7,
                    "chat": {"id": -2},
                    "is_automatic_forward": True,
                    "forward_origin": {"chat": {"id": -1}, "message_id": "@"},
                },
            },
        ),
    ],
)
def test_nothing_is_remembered_under_an_id_that_no_record_can_have(platform: str, account: str, form: Any) -> None:
    """An entry with such a post could not be read again; what does not count was remembered whatever its length."""
    body = json.dumps(form)
    for object_id, remembered in (("9", 1), (LONG, 0)):
        reader = Reader(platform, account)
        assert reader.one(json.loads(body.replace("@", object_id))) in {"outbound", "unsupported_item"}
        assert len(reader.directory) == remembered
        assert all(decode_known(encode_known(known)) == known for known in reader.directory.values())
