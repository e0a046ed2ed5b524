"""Ids that look like keys, hash tags, patterns and line breaks, and deliveries of a hundred thousand items.

Through the gateway, Kafka and a worker into Redis: counted exactly, each account in its own slot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.crc import key_slot

from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.reading import Reader
from pipeline.settings import Settings
from pipeline.slots import slot_of
from schemas.topics import INTERACTIONS, REJECTED
from tests.commands import TWOWAY, environment
from tests.gateways import gateway, post_x, records, rejected
from tests.integration.work import proven
from tests.redises import open_blocking

pytestmark = pytest.mark.servers

IDS = (
    *("{0}:x", "a:b:{1}", "}{", "{}", "{", "tw:{3}:applied", "post:facebook:1", "%7B0%7D", "%", "x|y", "1m:2026"),
    *(
        "a\nb",
        "a\r\nSET x y",
        "\x00",
        "a\x00b",
        "\x1b[31m",
        "\u202e\u2066",
        "é" * 128,
        "😀",
        "*",
        "?[a]",
        "^$",
    ),
    *("..", " ", "a b", '"', "\\", "'", "$(id)", "x" * 256, "0", "-1", "null", "{0}" * 80),
)
BEARER = {"Authorization": "Bearer token", "Content-Type": "application/cloudevents-batch+json"}


def event(kind: str, done: str, account: str, post: str, who: str, age_s: int = 60) -> dict[str, Any]:
    """A CloudEvent of somebody who did something to a post."""
    time = datetime.fromtimestamp(wall_clock() / 1000 - age_s, UTC).isoformat()
    data = {
        "account": account,
        "post": post,
        "actor": who,
        **({"comment": f"{post}{who}"} if kind == "comment" else {}),
    }
    source = "https://e/platforms/forum/accounts/x"
    return {
        "specversion": "1.0",
        "id": "1",
        "type": f"interaction.{kind}.{done}",
        "source": source,
        "time": time,
        "data": data,
    }


def events_of(name: str) -> list[dict[str, Any]]:
    """Three likes, one taken back, one told twice; a comment: of a post, all under ids made of a hostile one."""
    likes = [event("like", "added", name, f"{name}p", who) for who in ("u", f"{name}u", "w")]
    gone = event("like", "removed", name, f"{name}p", "w", age_s=30)
    return [*likes, gone, likes[0], event("comment", "added", name, f"{name}p", f"{name}u")]


async def post_events(client: httpx.AsyncClient, events: list[dict[str, Any]]) -> httpx.Response:
    """As one batch."""
    return await client.post("/webhooks/events", content=json.dumps(events).encode(), headers=BEARER, timeout=120)


async def test_hostile_ids_are_counted_exactly_and_stay_in_their_slot(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    """Two likes and a comment for each; every key lies where its account's slot lies, whatever braces an id has."""
    async with gateway(settings, tmp_path) as client:
        answer = await post_events(client, [one for name in IDS for one in events_of(name)])
        assert answer.json() == {"accepted": 6 * len(IDS)}
        start_child("worker", [*TWOWAY, "worker"], environment(settings))
        await proven(settings, 6 * len(IDS))
        async with Reader.connect(settings) as reader:
            for name in IDS:
                found = await reader.account("forum", name)
                assert (found.id, found.likes, found.comments) == (name, 2, 1)
                assert (await reader.post("forum", f"{name}p")).account == name
    slots = {slot_of("forum", name) for name in IDS}
    with open_blocking(settings) as connected:
        keys = list(connected.scan_iter(match=f"{settings.key_prefix}:*"))
    tagged = [key for key in keys if key.startswith(b"%s:{" % settings.key_prefix.encode())]
    assert {int(key.split(b"{")[1].split(b"}")[0]) for key in tagged if b":post:" in key} == slots
    assert all(re.fullmatch(rb"[!-z|~]+:\{\d{1,3}\}:[!-z|~]+", key) for key in tagged)
    assert all(re.fullmatch(rb"[!-z|~]+", key) for key in set(keys) - set(tagged))
    for key in tagged:
        assert key_slot(key) == key_slot(key.split(b"{")[1].split(b"}")[0])


async def test_an_id_of_a_megabyte_is_kept_with_its_item(settings: Settings, tmp_path: Path) -> None:
    """The others of the delivery count."""
    async with gateway(settings, tmp_path) as client:
        long = "x" * 1_000_000
        mixed = [*events_of("a"), event("like", "added", long, "p", "u"), event("like", "added", "a", long, "u")]
        answer = (await post_events(client, mixed)).json()
        assert (answer["accepted"], answer["rejected"]) == (6, 2)
    assert sorted((one.stage, one.reason) for one in rejected(settings)) == [("schema", "schema")] * 2


async def test_ids_that_differ_only_in_what_was_lost_of_them_are_kept_and_never_one(
    settings: Settings, tmp_path: Path
) -> None:
    """Halves of two emoji, as id of a comment, of a post and of an actor: refused with a word; what is whole counts."""
    whole = event("comment", "added", "a", "p", "u")
    broken = [
        event("comment", "added", "a", "p", "u") | {"data": {**whole["data"], name: f"@{half}@"}}
        for name in ("comment", "post", "actor", "parent")
        for half in ("d83d", "d83e")
    ]
    body = re.sub(rb"@(d83.)@", rb"\\u\1", json.dumps([*broken, whole]).encode())
    assert body.count(rb"\ud83d") == body.count(rb"\ud83e") == 4
    async with gateway(settings, tmp_path) as client:
        answer = (await client.post("/webhooks/events", content=body, headers=BEARER)).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 8)
    assert [(one.stage, one.reason) for one in rejected(settings)] == [("normalise", "broken_id")] * 8


@pytest.mark.prove
async def test_what_all_items_share_is_not_kept_with_each(settings: Settings, tmp_path: Path) -> None:
    """A megabyte in the head of a thousand items: not a gigabyte, but the delivery as a whole, once."""
    async with gateway(settings, tmp_path) as client:
        events = [{"favorited_status": {"id": number}} for number in range(1_000)]
        body = json.dumps({"for_user_id": "x" * 1_000_000, "favorite_events": events}).encode()
        assert (await post_x(client, body)).json() == {"error": "too_large_items"}
    kept = rejected(settings)
    assert [one.bytes for one in kept if one.stage == "parse"] == [body]
    assert sum(len(one.bytes) for one in kept) < 25_000_000


@pytest.mark.prove
async def test_a_delivery_of_a_hundred_thousand_events_is_counted_exactly(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    """All in one body of 25 MB, which the limit of bodies must allow."""
    number = 100_000
    who = [event("like", "added", f"a{n % 40}", f"p{n % 40}", f"u{n}") for n in range(number)]
    async with gateway(settings, tmp_path, body_limit_bytes=50_000_000) as client:
        assert (await post_events(client, who)).json() == {"accepted": number}
    assert len(records(settings, INTERACTIONS.name)) == number
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await proven(settings, number, wait_s=120)


async def test_more_items_than_anybody_sends_are_refused_as_a_whole(settings: Settings, tmp_path: Path) -> None:
    """Of every source that takes lists: 400, and the bytes once; a removal of nothing known is kept item by item."""
    async with gateway(settings, tmp_path) as client:
        removals = [{"status": {"id": str(n)}} for n in range(5_000)]
        many = {"for_user_id": "1", "tweet_delete_events": removals}
        assert (await post_x(client, json.dumps(many).encode())).json()["ignored"] == {"unresolvable_removal": 5_000}
        too_many = b'{"for_user_id":"1","tweet_delete_events":[' + b"{}," * 100_001 + b"{}]}"
        assert (await post_x(client, too_many)).json() == {"error": "too_many_items"}
        headers = {**BEARER}
        body = b"[" + b"0," * 100_001 + b"0]"
        assert (await client.post("/webhooks/events", content=body, headers=headers)).json()[
            "error"
        ] == "too_many_items"
    assert len(records(settings, REJECTED.name)) == 5_002
