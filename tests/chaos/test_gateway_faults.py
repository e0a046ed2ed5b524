"""The gateway dies in the middle of a delivery: its sender has no answer, sends again, and every item counts once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from kafka import KafkaConsumer, TopicPartition

from pipeline.local.children import Child
from pipeline.local.ports import LOOPBACK, free_ports
from pipeline.settings import Settings
from schemas.topics import INTERACTIONS
from tests.commands import TWOWAY, environment
from tests.gateways import CONNECTIONS, PATIENT_MS, comments, interactions, meta_headers, post_page
from tests.integration.work import page_of, proven
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = pytest.mark.servers

ACCOUNT = "1234567890321"
ITEMS = 1_000
#: So much a comment that a delivery goes to Kafka in several batches (of a megabyte).
TEXT_BYTES = 2_400
#: The kill is meant for the moment between two batches; where it came too late, the next delivery has it.
ATTEMPTS = 15
#: Of processor time: less than it takes to make a batch. A step ends without that where it waits for Kafka.
STEP_NS = 2_000_000
STEP_S = 0.05


def long_comments(first: int) -> bytes:
    """A delivery of 1,000 comments that do not compress well."""
    body = json.loads(comments(first, ITEMS, ACCOUNT))
    dice = random.Random(first)
    for change in body["entry"][0]["changes"]:
        change["value"]["message"] = dice.randbytes(TEXT_BYTES // 2).hex()
    return json.dumps(body).encode()


async def test_a_gateway_killed_inside_a_batch_of_a_thousand_counts_each_item_once(
    settings: Settings, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """The first part lies in the topic, the rest does not; the repeated delivery brings both."""
    (tmp_path / "connections.toml").write_text(CONNECTIONS)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    delivered, kept = 0, 0
    for attempt in range(ATTEMPTS):
        body = long_comments(attempt * ITEMS)
        kept = await _killed_while_it_takes(settings, start_child, tmp_path, body, delivered)
        async with Gateway(start_child, settings, tmp_path) as client:
            answer = await post_page(client, body)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"accepted": ITEMS}
        delivered += ITEMS + kept
        if 0 < kept < ITEMS:
            break
    assert 0 < kept < ITEMS
    found = interactions(settings)
    assert len(found) == delivered
    once = len({one.id for one in found})
    assert once == (attempt + 1) * ITEMS
    await proven(settings, delivered)
    assert page_of(settings, ACCOUNT, f"{ACCOUNT}_1")["comments"] == str(once)
    assert worker.is_running(), worker.tail()


async def _killed_while_it_takes(
    settings: Settings, start_child: Callable[..., Child], folder: Path, body: bytes, before: int
) -> int:
    """Records of the delivery that reached the topic before its gateway was killed. Its sender got no answer, or a 200
    for all of them."""
    running = Gateway(start_child, settings, folder)
    async with running as client:
        consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), enable_auto_commit=False)
        try:
            running.child.pause()
            posting = asyncio.create_task(_post(client, body))
            await asyncio.to_thread(kill_inside, running.child, consumer, settings, before)
            status = await posting
            kept = _end(consumer, settings) - before
            assert status is None or (status == 200 and kept == ITEMS)
            return kept
        finally:
            consumer.close()


async def _post(client: httpx.AsyncClient, body: bytes) -> int | None:
    try:
        return (await client.post("/webhooks/page", content=body, headers=meta_headers(body))).status_code
    except httpx.TransportError:
        return None


def kill_inside(child: Child, consumer: KafkaConsumer, settings: Settings, before: int) -> None:
    """Kill it once the topic has more records. It runs step by step, each of so much processor time however busy the
    machine is, and stands still while the topic is looked at."""
    until = time.monotonic() + DEADLINE_S
    while _end(consumer, settings) <= before:
        assert time.monotonic() < until, f"nothing of the delivery came within {DEADLINE_S} s"
        enough_ns, step_ends = _ran_ns(child) + STEP_NS, time.monotonic() + STEP_S
        child.resume()
        while _ran_ns(child) < enough_ns and time.monotonic() < step_ends:
            time.sleep(STEP_NS / 1e9)
        child.pause()
    child.kill()


def _ran_ns(child: Child) -> int:
    """Its processor time so far, of all threads."""
    tasks = Path(f"/proc/{child.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="utf-8").split()[0]) for task in tasks)


def _end(consumer: KafkaConsumer, settings: Settings) -> int:
    topic = settings.topic(INTERACTIONS.name)
    partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
    return sum(consumer.end_offsets(partitions).values())


class Gateway:
    """A gateway of its own process, ready, and a client of it."""

    def __init__(self, start_child: Callable[..., Child], settings: Settings, folder: Path) -> None:
        (port,) = free_ports(1)
        file = str(folder / "connections.toml")
        more = {"TWOWAY_GATEWAY_PORT": str(port), "TWOWAY_CONNECTIONS_FILE": file}
        env = environment(settings, **more, TWOWAY_PRODUCE_TIMEOUT_MS=str(PATIENT_MS))
        self.child = start_child("gateway", [*TWOWAY, "gateway"], env)
        self._client = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=DEADLINE_S)

    async def __aenter__(self) -> httpx.AsyncClient:
        await wait_until_async(self._is_ready)
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        self.child.kill()

    async def _is_ready(self) -> bool:
        try:
            return (await self._client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False
