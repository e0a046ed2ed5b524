"""ActivityPub through a running gateway: keys from another server; and the leases of WebSub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.clock import wall_clock
from pipeline.settings import Settings
from tests.actors import ActorServer, actor_server
from tests.gateways import gateway, interactions
from tests.http_signing import cavage, rfc9421

pytestmark = pytest.mark.servers

BRAND = "https://mastodon.example/users/brand"
POST = f"{BRAND}/statuses/1"
CONNECTIONS = f"""
[connections.inbox]
platform = "activitypub"
accounts = ["{BRAND}"]

[connections.videos]
platform = "youtube"
secrets = ["websub-secret"]
accounts = ["UC-1", "UC-2"]
"""
TOPIC = "https://www.youtube.com/xml/feeds/videos.xml?channel_id="


async def post(
    client: httpx.AsyncClient, server: ActorServer, kind: str, thing: str, *, key: str = "bob", form: Any = cavage
) -> httpx.Response:
    """An activity of bob's, signed with a key that is said to be his."""
    actor = server.actor("bob")
    body = json.dumps({"id": f"{actor}#{kind}/1", "type": kind, "actor": actor, "object": thing}).encode()
    host = client.base_url.netloc.decode()
    headers = form(body, key_id=f"{actor}#main-key", key=key, now_s=wall_clock() // 1000, host=host)
    return await client.post("/webhooks/inbox", content=body, headers=headers)


async def test_a_signed_like_counts_with_the_key_of_its_actors_server(settings: Settings, tmp_path: Path) -> None:
    """In both forms of signatures; under another key, or with the server away, nothing does."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    async with gateway(settings, tmp_path, key_fetch_local=True) as client:
        async with actor_server() as server:
            assert (await post(client, server, "Like", POST)).json() == {"accepted": 1}
            assert (await post(client, server, "Like", POST, form=rfc9421)).json() == {"accepted": 1}
            forged = await post(client, server, "Like", POST, key="ann")
            assert (forged.status_code, forged.json()) == (401, {"error": "wrong_signature"})
            assert server.asked == {"/users/bob": 1}
            metrics = (await client.get("/metrics")).text
            assert 'twoway_gateway_key_fetches_total{outcome="found"}' in metrics
        away = ActorServer()
        away.url = server.url.replace("127.0.0.1", "localhost")
        assert (await post(client, away, "Like", POST)).status_code == 503
    likes = interactions(settings)
    assert {(like.post, like.kind, like.action) for like in likes} == {(POST, "like", "add")}
    assert len({like.id for like in likes}) == 1
    assert server.actor("bob") not in likes[0].id


async def test_a_key_is_not_fetched_from_this_network_by_default(settings: Settings, tmp_path: Path) -> None:
    """The setting is for tests."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    async with gateway(settings, tmp_path) as client, actor_server() as server:
        refused = await post(client, server, "Like", POST)
        assert (refused.status_code, refused.json()) == (401, {"error": "unknown_key"})
        assert server.asked == {}


async def test_the_erasure_of_an_actor_who_is_gone_is_heard(settings: Settings, tmp_path: Path) -> None:
    """His server has no key any more, and says so; anything else in his name is refused."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    async with gateway(settings, tmp_path, key_fetch_local=True) as client, actor_server() as server:
        server.give("bob", {"error": "Gone"}, status=410)
        erased = await post(client, server, "Delete", server.actor("bob"))
        assert (erased.status_code, erased.json()["ignored"]) == (200, {"actor_erasure": 1})
        liked = await post(client, server, "Like", POST)
        assert (liked.status_code, liked.json()) == (401, {"error": "actor_gone"})


async def test_the_first_lease_to_end_is_a_metric(settings: Settings, tmp_path: Path) -> None:
    """Of the connection's channels; a topic that is not ours is 404 and changes nothing."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    asked = {"hub.mode": "subscribe", "hub.challenge": "abc"}
    async with gateway(settings, tmp_path) as client:
        for channel, lease_s in (("UC-1", 432_000), ("UC-2", 864_000), ("UC-3", 60)):
            query = asked | {"hub.topic": TOPIC + channel, "hub.lease_seconds": str(lease_s)}
            answer = await client.get("/webhooks/videos", params=query)
            assert (answer.status_code, "abc" in answer.text) == ((404, False) if channel == "UC-3" else (200, True))
        (line,) = [
            line
            for line in (await client.get("/metrics")).text.splitlines()
            if line.startswith("twoway_gateway_lease_end_seconds{")
        ]
    assert line.startswith('twoway_gateway_lease_end_seconds{connection="videos"}')
    assert abs(float(line.split()[1]) - (wall_clock() / 1000 + 432_000)) < 60
