"""The gateway on a real Kafka and a real Redis: what it answers, and what is in the topics afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.settings import Secret, Settings
from pipeline.slots import slot_of
from schemas.topics import INTERACTIONS
from tests.contract.corpus import PAYLOADS
from tests.gateways import comments, gateway, interactions, meta_headers, post_page, post_x, records, rejected

pytestmark = pytest.mark.servers


async def test_a_delivery_is_in_the_topic_once_it_is_answered(settings: Settings, tmp_path: Path) -> None:
    """Keyed by account, in the partition of the account's slot, with the time of receipt, actors as pseudonyms."""
    body = (PAYLOADS / "facebook-batch-mixed.json").read_bytes()
    async with gateway(settings, tmp_path) as client:
        answer = await post_page(client, body)
        assert answer.status_code == 200
        assert answer.json() == {"accepted": 3, "ignored": {"unsupported_item": 1, "no_values": 1}, "rejected": 0}
        found = records(settings, INTERACTIONS.name)
    assert sorted(record.key for record in found) == [
        b"facebook:1234567890321",
        b"facebook:1234567890321",
        b"facebook:555000111222333",
    ]
    for record in found:
        assert record.partition == slot_of("facebook", record.key.decode().partition(":")[2]) % settings.partitions
        assert record.timestamp > 1_700_000_000_000
        assert b"350000000000000" not in record.value
    like = next(i for i in interactions(settings) if i.account == "555000111222333")
    actor = keyed_pseudonym(settings.actor_key)("facebook", "3500000000000002")
    assert (like.actor, like.id) == (actor, f"555000111222333_777000/{actor}")


async def test_a_thousand_updates_in_one_delivery_all_arrive(settings: Settings, tmp_path: Path) -> None:
    """Meta's largest batch; several at once."""
    async with gateway(settings, tmp_path) as client:
        bodies = [comments(number * 1000, 1000, account=f"9{number}") for number in range(4)]
        answers = await asyncio.gather(*(post_page(client, body) for body in bodies))
        assert [answer.json() for answer in answers] == [{"accepted": 1000}] * 4
    assert len({i.id for i in interactions(settings)}) == 4000


async def test_what_is_not_signed_is_refused_and_leaves_no_trace(settings: Settings, tmp_path: Path) -> None:
    """401 for a wrong, a missing and a doubled signature; the older secret of a rotation is as good as the newest."""
    body = comments(0, 1)
    async with gateway(settings, tmp_path) as client:
        signature = meta_headers(body)["X-Hub-Signature-256"]
        doubled = [("X-Hub-Signature-256", signature), ("X-Hub-Signature-256", "sha256=00")]
        for headers in ({}, meta_headers(b"other"), meta_headers(body, "another secret"), doubled):
            assert (await client.post("/webhooks/page", content=body, headers=headers)).status_code == 401
        assert interactions(settings) == []
        rotated = await client.post("/webhooks/page", content=body, headers=meta_headers(body, "older secret"))
        assert rotated.status_code == 200


async def test_requests_that_are_no_deliveries_are_told_so(settings: Settings, tmp_path: Path) -> None:
    """404, 405 with Allow, 415 for encoded and for foreign bodies."""
    async with gateway(settings, tmp_path) as client:
        assert (await client.post("/webhooks/nobody", content=b"{}")).status_code == 404
        assert (await client.post("/webhooks/page/more", content=b"{}")).status_code == 404
        put = await client.put("/webhooks/page", content=b"{}")
        assert (put.status_code, put.headers["allow"]) == (405, "GET, POST")
        zipped = await client.post("/webhooks/page", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        assert zipped.status_code == 415
        xml = {"Content-Type": "application/cloudevents+xml", "Authorization": "Bearer token"}
        assert (await client.post("/webhooks/events", content=b"<e/>", headers=xml)).status_code == 415


@pytest.mark.parametrize("size", [10_001, 39_000, 200_000])
async def test_a_body_over_the_limit_is_refused_with_and_without_its_length(
    settings: Settings, tmp_path: Path, size: int
) -> None:
    """413 whether Content-Length says so or not; nothing is kept of it, and the gateway takes the next."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(0, size, 1000):
            yield b"x" * 1000

    async with gateway(settings, tmp_path, body_limit_bytes=10_000) as client:
        assert (await client.post("/webhooks/page", content=b"x" * size)).status_code == 413
        assert (await client.post("/webhooks/page", content=chunks())).status_code == 413
        assert (await post_page(client, comments(0, 1))).status_code == 200
        assert "twoway_gateway_in_flight_bytes 0.0" in (await client.get("/metrics")).text
    assert rejected(settings) == []


async def test_what_cannot_be_parsed_is_kept_with_its_bytes(settings: Settings, tmp_path: Path) -> None:
    """400, and a record with stage and reason; no signature in it. Only what is signed is kept."""
    body = b'{"object":"page","entry":'
    async with gateway(settings, tmp_path) as client:
        assert (await client.post("/webhooks/page", content=body)).status_code == 401
        assert rejected(settings) == []
        assert (await post_page(client, body)).status_code == 400
    (kept,) = rejected(settings)
    assert (kept.stage, kept.reason, kept.source, kept.platform, kept.bytes) == (
        "parse",
        "not_json",
        "page",
        "facebook",
        body,
    )
    assert "x-hub-signature-256" not in kept.headers


async def test_a_large_body_that_cannot_be_parsed_is_kept_whole(settings: Settings, tmp_path: Path) -> None:
    """Larger than Kafka's usual limit of a record."""
    body = b'{"entry":"' + b"x" * 2_000_000
    async with gateway(settings, tmp_path) as client:
        assert (await post_page(client, body)).status_code == 400
        assert (await post_page(client, comments(0, 1))).status_code == 200
    (kept,) = rejected(settings)
    assert kept.bytes == body


async def test_one_item_that_breaks_the_schema_does_not_stop_the_others(settings: Settings, tmp_path: Path) -> None:
    """2xx; the item alone is kept as a delivery of its own, the rest counts."""
    body = json.loads(comments(0, 3))
    body["entry"][0]["changes"][1]["value"]["comment_id"] = "1_" + "9" * 2000
    async with gateway(settings, tmp_path) as client:
        answer = await post_page(client, json.dumps(body).encode())
        assert (answer.status_code, answer.json()["rejected"]) == (200, 1)
    assert sorted(i.id for i in interactions(settings)) == ["1_0", "1_2"]
    (kept,) = rejected(settings)
    assert kept.stage == "schema"
    assert len(json.loads(kept.bytes)["entry"][0]["changes"]) == 1


async def test_removals_that_carry_only_an_id_are_understood_by_another_gateway(
    settings: Settings, tmp_path: Path
) -> None:
    """The directory outlives the process; it holds pseudonyms only."""
    comment = (PAYLOADS / "x-aaa-tweet-create-reply.json").read_bytes()
    answered = (PAYLOADS / "x-aaa-tweet-create-brand-reply.json").read_bytes()
    event = {"status": {"id": "1045406000000000005", "user_id": "2244994945"}, "timestamp_ms": "1522082500000"}
    deleted = json.dumps({"for_user_id": "2244994945", "tweet_delete_events": [event]}).encode()
    async with gateway(settings, tmp_path) as client:
        assert (await post_x(client, deleted)).json()["ignored"] == {"unresolvable_removal": 1}
        assert (await post_x(client, comment)).json() == {"accepted": 1}
    async with gateway(settings, tmp_path) as client:
        assert (await post_x(client, answered)).json() == {"accepted": 1}
        assert (await post_x(client, deleted)).json() == {"accepted": 1}
    found = {(i.id, i.action): i for i in interactions(settings)}
    assert found["1045406000000000005", "add"].parent == "1045406000000000001"
    removal = found["1045406000000000005", "remove"]
    assert (removal.kind, removal.post, removal.own) == ("comment", "1045405559317569537", True)


async def test_handshakes_are_answered_over_http(settings: Settings, tmp_path: Path) -> None:
    """Meta's challenge comes back as bare text; a refusal is 403; CloudEvents get their consent."""
    async with gateway(settings, tmp_path) as client:
        ask = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "meatyhamhock"}
        answer = await client.get("/webhooks/page", params=ask)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        refused = await client.get("/webhooks/page", params={**ask, "hub.verify_token": "nope"})
        assert refused.status_code == 403
        assert "1158201444" not in refused.text
        consent = await client.options("/webhooks/events", headers={"WebHook-Request-Origin": "events.example"})
        assert consent.headers["webhook-allowed-origin"] == "events.example"


async def test_a_gateway_without_a_key_for_actors_does_not_start(settings: Settings, tmp_path: Path) -> None:
    """Actors must never reach Kafka as they are."""
    with pytest.raises(Exception, match="TWOWAY_ACTOR_KEY"):
        async with gateway(settings, tmp_path, actor_key=Secret("")):
            pass
