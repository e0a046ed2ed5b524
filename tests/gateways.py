"""A gateway inside the test's loop, signed deliveries for it, and what it put into the topics."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from kafka import KafkaConsumer, TopicPartition

from pipeline.gateway import directory
from pipeline.gateway.server import serving
from pipeline.settings import Settings
from schemas.interaction import Interaction, decode_interaction
from schemas.rejected import Rejected, decode_rejected
from schemas.topics import INTERACTIONS, REJECTED
from tests.waiting import DEADLINE_S, wait_until_async

SECRET = "meta-app-secret"
CONNECTIONS = f"""
[connections.page]
platform = "facebook"
secrets = ["{SECRET}", "older secret"]
verify_token = "meatyhamhock"

[connections.brand-x]
platform = "x"
secrets = ["{SECRET}"]

[connections.events]
platform = "cloudevents"
secrets = ["token"]
"""


#: What a gateway that is not told to be quick waits for Kafka. For Redis as long.
PATIENT_MS = 60_000


@asynccontextmanager
async def gateway(
    settings: Settings, folder: Path, *, is_quick: bool = False, **changes: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that is ready. `is_quick`: it gives Kafka and Redis up as early as in production; else what
    a test has to say would hang on how fast this machine is."""
    file = folder / "connections.toml"
    if not file.exists():
        file.write_text(CONNECTIONS)
    patience: dict[str, Any] = {} if is_quick else {"produce_timeout_ms": PATIENT_MS}
    settings = replace(settings, connections_file=str(file), **patience | changes)
    with patient_directory(is_quick=is_quick):
        async with serving(settings) as (address, _), httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
            await wait_until_async(lambda: _is_ready(client))
            yield client


@contextmanager
def patient_directory(*, is_quick: bool = False) -> Iterator[None]:
    """Directories that are opened in the block wait for Redis as long as it takes, unless they are to be quick."""
    with patch.object(directory, "TIMEOUT_S", directory.TIMEOUT_S if is_quick else PATIENT_MS / 1000):
        yield


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


def meta_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The signature of a delivery of Meta."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()}


def x_headers(body: bytes) -> dict[str, str]:
    """The signature of a delivery of X."""
    signature = b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    return {"x-twitter-webhooks-signature": f"sha256={signature}"}


def comments(first: int, count: int, account: str = "1234567890321") -> bytes:
    """A delivery of Meta with so many comments, numbered from `first`."""
    changes = [
        {
            "field": "feed",
            "value": {
                "item": "comment",
                "verb": "add",
                "from": {"id": f"35{number}"},
                "post_id": f"{account}_1",
                "comment_id": f"1_{number}",
                "created_time": 1_608_952_528,
                "message": "Where can I buy it?",
            },
        }
        for number in range(first, first + count)
    ]
    return json.dumps(
        {"object": "page", "entry": [{"id": account, "time": 1_608_952_530, "changes": changes}]}
    ).encode()


async def post_x(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    """Deliver to the connection of X."""
    return await client.post("/webhooks/brand-x", content=body, headers=x_headers(body))


async def post_page(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    """Deliver to the connection of Facebook."""
    return await client.post("/webhooks/page", content=body, headers=meta_headers(body))


def interactions(settings: Settings) -> list[Interaction]:
    """Everything in the topic of interactions."""
    return [decode_interaction(record.value) for record in records(settings, INTERACTIONS.name)]


def rejected(settings: Settings) -> list[Rejected]:
    """Everything in the topic of what was rejected."""
    return [decode_rejected(record.value) for record in records(settings, REJECTED.name)]


def records(settings: Settings, topic: str) -> list[Any]:
    """Every record of a topic, read to its present end."""
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), enable_auto_commit=False)
    try:
        name = settings.topic(topic)
        partitions = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=500).values():
                found += batch
        return found
    finally:
        consumer.close()
