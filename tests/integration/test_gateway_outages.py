"""Kafka or Redis away: nothing that got a 2xx is lost, who must repeat is told so in time, and it heals by itself."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.settings import Settings
from schemas.topics import REJECTED
from tests.conftest import new_installation
from tests.contract.corpus import PAYLOADS
from tests.gateways import CONNECTIONS, comments, gateway, interactions, post_page, post_x, rejected
from tests.waiting import DEADLINE_S, Loop, wait_until, wait_until_async

pytestmark = pytest.mark.servers

#: The promise: a sender knows within two seconds. Half a second, and what the loop itself came too late meanwhile,
#: belong to the machine that runs the tests.
ANSWER_S = 2.5


class Poster:
    """Posts numbered comments one after the other and notes which got a 2xx."""

    def __init__(self, client: httpx.AsyncClient, first: int, loop: Loop) -> None:
        self._client, self._next, self._loop = client, first, loop
        self.accepted: set[str] = set()
        self.statuses: list[int] = []
        self.slowest_s = 0.0

    async def post(self) -> int:
        number, self._next = self._next, self._next + 1
        began, late_s = time.monotonic(), self._loop.late_s
        answer = await post_page(self._client, comments(number, 1))
        late_s = self._loop.late_s - late_s
        self.slowest_s = max(self.slowest_s, time.monotonic() - began - late_s)
        self.statuses.append(answer.status_code)
        if answer.status_code == 200:
            self.accepted.add(f"1_{number}")
        else:
            assert answer.headers["retry-after"].isdigit()
        return answer.status_code

    async def run(self) -> None:
        while True:
            await self.post()


async def test_a_broker_that_is_killed_and_comes_back_loses_nothing_that_got_a_2xx(
    own_kafka: KafkaServer, redis_url: str, tmp_path: Path
) -> None:
    """503 within two seconds while it is away, 200 again after it is back, every 200 in the topic."""
    settings = new_installation((own_kafka.servers,), redis_url)
    async with Loop() as loop, gateway(settings, tmp_path, is_quick=True) as client:
        posters = [Poster(client, number * 1_000_000, loop) for number in range(8)]
        tasks = [asyncio.create_task(poster.run()) for poster in posters]
        await wait_until_async(lambda: all(poster.accepted for poster in posters))
        own_kafka.kill()
        await wait_until_async(lambda: all(503 in poster.statuses for poster in posters))
        assert (await client.get("/readyz")).status_code == 503
        counts = [len(poster.accepted) for poster in posters]
        own_kafka.start()
        await wait_until_async(lambda: all(len(p.accepted) > n for p, n in zip(posters, counts, strict=True)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert {status for poster in posters for status in poster.statuses} == {200, 503}
        assert max(poster.slowest_s for poster in posters) < ANSWER_S
    accepted = set[str]().union(*(poster.accepted for poster in posters))
    assert accepted <= {i.id for i in interactions(settings)}


async def test_a_broker_that_hangs_gets_its_senders_a_503_and_is_used_again_when_it_answers(
    own_kafka: KafkaServer, redis_url: str, tmp_path: Path
) -> None:
    """The connection stays open and nothing is refused: only the time tells."""
    settings = new_installation((own_kafka.servers,), redis_url)
    async with Loop() as loop, gateway(settings, tmp_path, is_quick=True) as client:
        poster = Poster(client, 0, loop)
        await wait_until_async(lambda: _is_accepted(poster))
        own_kafka.pause()
        assert await poster.post() == 503
        own_kafka.resume()
        await wait_until_async(lambda: _is_accepted(poster))
        assert poster.slowest_s < ANSWER_S
    assert poster.accepted <= {i.id for i in interactions(settings)}


async def _is_accepted(poster: Poster) -> bool:
    return await poster.post() == 200


async def test_a_gateway_that_starts_before_kafka_waits_for_it(
    own_kafka: KafkaServer, redis_url: str, tmp_path: Path
) -> None:
    """It answers 503 at once instead of not starting."""
    settings = new_installation((own_kafka.servers,), redis_url)
    async with gateway(settings, tmp_path, is_quick=True):
        pass
    own_kafka.stop()
    starting = asyncio.create_task(_first_answer(settings, tmp_path))
    await asyncio.to_thread(own_kafka.start)
    assert await starting == 200


async def _first_answer(settings: Settings, folder: Path) -> int:
    async with gateway(settings, folder, is_quick=True) as client:
        return (await post_page(client, comments(0, 1))).status_code


async def test_a_producer_that_lost_a_batch_is_replaced(settings: Settings, tmp_path: Path) -> None:
    """The broker refuses a batch: an idempotent producer could never write to that partition again.

    The refused record is cut and kept, and what comes after is taken as if nothing had been.
    """
    resource = ConfigResource(
        ConfigResourceType.TOPIC, settings.topic(REJECTED.name), configs={"max.message.bytes": "1000000"}
    )
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        admin.alter_configs([resource])
    body = b'{"entry":"' + b"x" * 2_000_000
    async with gateway(settings, tmp_path, is_quick=True) as client:
        assert (await post_page(client, body)).status_code == 400
        assert (await post_page(client, comments(0, 1))).status_code == 200
    assert len(rejected(settings)[0].bytes) == 700_000


async def test_without_redis_only_what_needs_it_is_refused(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, tmp_path: Path
) -> None:
    """Facebook goes on. X's removal cannot be read: 503. X's post counts at once, and 503 until it is remembered."""
    settings = new_installation(kafka_servers, own_redis.url)
    own_post = (PAYLOADS / "x-aaa-tweet-create-own-post.json").read_bytes()
    event = {"status": {"id": "1045405559317569537", "user_id": "2244994945"}, "timestamp_ms": "1522089999000"}
    removal = json.dumps({"for_user_id": "2244994945", "tweet_delete_events": [event]}).encode()
    async with gateway(settings, tmp_path, is_quick=True) as client:
        own_redis.stop()
        assert (await post_page(client, comments(0, 1))).status_code == 200
        assert (await post_x(client, own_post)).status_code == 503
        assert (await post_x(client, removal)).status_code == 503
        assert [i.kind for i in interactions(settings) if i.platform == "x"] == ["post"]
        own_redis.start()
        await asyncio.to_thread(own_redis.wait_healthy)
        assert (await post_x(client, own_post)).status_code == 200
        assert (await post_x(client, removal)).json() == {"accepted": 1}


async def test_stopping_gives_every_request_under_way_its_true_answer(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    """SIGTERM while eight senders post: no 500, exit code 0, and every 2xx is in the topic."""
    (port,) = free_ports(1)
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    env = {
        "TWOWAY_KAFKA_SERVERS": ",".join(settings.kafka_servers),
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_TOPIC_PREFIX": settings.topic_prefix,
        "TWOWAY_KEY_PREFIX": settings.key_prefix,
        "TWOWAY_ACTOR_KEY": settings.actor_key.reveal(),
        "TWOWAY_CONNECTIONS_FILE": str(tmp_path / "connections.toml"),
        "TWOWAY_GATEWAY_PORT": str(port),
        "TWOWAY_PRODUCE_TIMEOUT_MS": "20000",
    }
    child = start_child("gateway", [sys.executable, "-m", "pipeline", "gateway"], env)
    await wait_until_async(lambda: _answers(port))
    async with Loop() as loop, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client:
        posters = [Poster(client, number * 1_000_000, loop) for number in range(8)]
        tasks = [asyncio.create_task(poster.run()) for poster in posters]
        await wait_until_async(lambda: all(len(poster.accepted) > 5 for poster in posters))
        assert child.pid is not None
        child.ask_to_end()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ends)
    await asyncio.to_thread(wait_until, lambda: not child.is_running())
    assert child.exit_code in (0, -signal.SIGTERM)
    assert {status for poster in posters for status in poster.statuses} == {200}
    accepted = set[str]().union(*(poster.accepted for poster in posters))
    assert accepted <= {i.id for i in interactions(settings)}


async def _answers(port: int) -> bool:
    try:
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False
