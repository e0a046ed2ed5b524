"""What the gateway has answered it no longer holds, whatever the answer was: memory does not wait for the collector."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pipeline.local.kafka import KafkaServer
from pipeline.local.redis import RedisServer
from pipeline.sources.delivery import Delivery
from tests.conftest import new_installation
from tests.contract.corpus import PAYLOADS
from tests.gateways import comments, gateway, post_page, post_x
from tests.waiting import wait_until_async

pytestmark = pytest.mark.servers

#: Far below what a batch that hangs is waited for: until then it may hold its tickets.
SOON_S = 5.0

OWN_POST = (PAYLOADS / "x-aaa-tweet-create-own-post.json").read_bytes()
REMOVAL = json.dumps({"for_user_id": "1", "tweet_delete_events": [{"status": {"id": "1"}}]}).encode()


@pytest_asyncio.fixture
async def client(own_kafka: KafkaServer, own_redis: RedisServer, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway with a Kafka and a Redis of its own."""
    async with gateway(new_installation((own_kafka.servers,), own_redis.url), tmp_path, is_quick=True) as made:
        yield made


@contextmanager
def no_collector() -> Iterator[None]:
    """Only what nobody refers to is freed: circles stay."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def held() -> int:
    """Deliveries in memory."""
    return sum(isinstance(one, Delivery) for one in gc.get_objects())


async def test_a_delivery_is_gone_with_its_answer(
    client: httpx.AsyncClient, own_kafka: KafkaServer, own_redis: RedisServer
) -> None:
    """Taken, refused, unreadable, or given up because Redis is away or Kafka hangs.

    An error that was kept held the frames that it came through, and those the delivery: two gigabytes in half a minute.
    """
    answers: dict[str, int] = {}

    async def answered(name: str, answer: httpx.Response) -> None:
        answers[name] = answer.status_code
        await wait_until_async(lambda: held() <= before, SOON_S)

    with no_collector():
        before = held()  # of other tests
        await answered("taken", await post_page(client, comments(0, 1)))
        await answered("forged", await client.post("/webhooks/page", content=comments(0, 1)))
        await answered("forged and large", await client.post("/webhooks/page", content=comments(0, 200)))
        await answered("unreadable", await post_page(client, b"{"))
        await answered("unreadable and large", await post_page(client, b"{" * 40_000))
        own_redis.pause()
        await answered("not remembered", await post_x(client, OWN_POST))
        await answered("not looked up", await post_x(client, REMOVAL))
        own_redis.resume()
        own_kafka.pause()
        several = await asyncio.gather(*(post_page(client, comments(number, 1)) for number in range(1, 6)))
        await answered("not written", several[0])
        own_kafka.resume()
    assert answers == {
        "taken": 200,
        "forged": 401,
        "forged and large": 401,
        "unreadable": 400,
        "unreadable and large": 400,
        "not remembered": 503,
        "not looked up": 503,
        "not written": 503,
    }
