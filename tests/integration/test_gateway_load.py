"""The gateway as a program of its own under load that is meant to bring it down: strangers, and a Kafka that hangs."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from pipeline.gateway.budget import LIMIT_BYTES
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.settings import Settings
from pipeline.waiting import MOST_CONNECTIONS
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.gateways import CONNECTIONS, comments, interactions, meta_headers, post_page
from tests.waiting import DEADLINE_S, wait_until_async
from tests.wire import request, wire

pytestmark = [pytest.mark.servers, pytest.mark.prove]

STRANGERS = 10_000
#: Of these so many connections are open at a time; the gateway lets go of those that wait longest.
HELD = 7_000
#: Open files of this test beside the strangers.
OTHER_FILES = 500
MEASURED = 400
#: Senders while Kafka hangs, and what each has under way: 30 KB of body and as much of records. Together that is twice
#: the limit of bytes in flight, and each is below 32 KB: larger ones have a limit of their own.
SENDERS = 4_000
SMALL_COMMENTS = 3
LONG_TEXT = b"x" * 9_800
HUNG_S = 30
#: The limit of bytes in flight, and what Python makes of them.
GROWN_MOST_BYTES = 300_000_000
#: The promise is two seconds; the rest belongs to a machine that does other things.
ANSWER_S = 20.0


class Gateway:
    """A gateway started as its users start it."""

    def __init__(self, settings: Settings, folder: Path, start_child: Callable[..., Child]) -> None:
        (self.port,) = free_ports(1)
        (folder / "connections.toml").write_text(CONNECTIONS)
        more = {
            "TWOWAY_GATEWAY_PORT": str(self.port),
            "TWOWAY_CONNECTIONS_FILE": str(folder / "connections.toml"),
        }
        self.child = start_child("gateway", [*TWOWAY, "gateway"], environment(settings, **more))
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=DEADLINE_S)

    @property
    def rss_bytes(self) -> int:
        """The memory that the process holds."""
        return int(psutil.Process(self.child.pid).memory_info().rss)

    async def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        async with httpx.AsyncClient(base_url=self.client.base_url, timeout=DEADLINE_S) as fresh:
            told = (await fresh.get("/metrics")).text.partition(f"\ntwoway_gateway_{name} ")[2]
        return float(told.split("\n")[0])

    async def wait_ready(self) -> None:
        await wait_until_async(self._is_ready)

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


async def _signed(gateway: Gateway, number: int) -> tuple[float, Counter[int]]:
    """The p99 in seconds of so many signed deliveries, one after the other, every tenth on a connection of its own."""
    took_s, statuses = list[float](), Counter[int]()
    for count in range(number):
        body, began = comments(count, 1), time.perf_counter()
        if count % 10:
            answer = await post_page(gateway.client, body)
        else:
            async with httpx.AsyncClient(base_url=gateway.client.base_url, timeout=DEADLINE_S) as fresh:
                answer = await fresh.post("/webhooks/page", content=body, headers=meta_headers(body))
        took_s.append(time.perf_counter() - began)
        statuses[answer.status_code] += 1
    return sorted(took_s)[number * 99 // 100], statuses


async def _holds(gateway: Gateway, number: int) -> bool:
    return await gateway.metric("sockets") >= number


def _may_open(files: int) -> None:
    """Let this process open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= files, f"open files are limited to {hard}; expected {files}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, files), hard))


async def test_ten_thousand_slow_connections_do_not_starve_signed_traffic(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every signed delivery gets its 200, soon, over old and over new connections, and memory stays what it was."""
    _may_open(STRANGERS + OTHER_FILES)
    gateway = Gateway(settings, tmp_path, start_child)
    await gateway.wait_ready()
    alone_s, _ = await _signed(gateway, MEASURED)
    before = gateway.rss_bytes
    strangers = start_child(
        "strangers", [sys.executable, "-m", "tests.strangers", str(gateway.port), str(STRANGERS)], {}
    )
    await wait_until_async(lambda: _holds(gateway, HELD), 120)
    held = list[float]()
    signed = asyncio.create_task(_signed(gateway, MEASURED))
    while not signed.done():
        held.append(await gateway.metric("sockets"))
        await asyncio.wait({signed}, timeout=1)
    p99_s, statuses = await signed
    grown = gateway.rss_bytes - before
    assert strangers.is_running()
    with capsys.disabled():
        print(  # noqa: T201
            f"\np99 alone {alone_s * 1000:.0f} ms, beside {STRANGERS} strangers {p99_s * 1000:.0f} ms;"
            f" {min(held):.0f} to {max(held):.0f} connections were held; memory grew by {grown / 1e6:.0f} MB"
        )
    assert statuses == {200: MEASURED}
    assert HELD <= statistics.median(held) <= max(held) <= MOST_CONNECTIONS
    assert p99_s < 2.0
    assert grown < 400_000_000
    await gateway.client.aclose()


class Flood:
    """Senders that each have a connection, wait for each answer, and after a 503 as long as they are told."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.accepted = set[int]()
        self.statuses = Counter[int]()
        self.opened = 0
        self.slowest_s = 0.0

    async def send(self, first: int) -> None:
        """One delivery after the other, with comments numbered from `first`; what was not taken comes again."""
        while True:
            with contextlib.suppress(OSError):
                async with wire(self._gateway.client) as connection:
                    self.opened, is_open = self.opened + 1, True
                    while is_open:
                        body = comments(first, SMALL_COMMENTS).replace(b"Where can I buy it?", LONG_TEXT)
                        began = time.perf_counter()
                        await connection.send(request("/webhooks/page", body, meta_headers(body)))
                        reply = await connection.reply(60)
                        self.slowest_s = max(self.slowest_s, time.perf_counter() - began)
                        self.statuses[reply.status] += 1
                        if reply.status == 200:
                            self.accepted.update(range(first, first + SMALL_COMMENTS))
                            first += SMALL_COMMENTS
                        else:
                            assert b"retry-after: 2\r\n" in reply.head, reply
                            await asyncio.sleep(2)
                        is_open = b"connection: close" not in reply.head
            await asyncio.sleep(0.2)


async def test_a_kafka_that_hangs_becomes_503_and_not_memory(
    own_kafka: KafkaServer, redis_url: str, tmp_path: Path, start_child: Callable[..., Child],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Thousands of senders of small deliveries for half a minute: 503 with Retry-After in time, memory bounded, and
    nothing that got a 200 before or after is lost."""
    _may_open(SENDERS + OTHER_FILES)
    settings = new_installation((own_kafka.servers,), redis_url)
    gateway = Gateway(settings, tmp_path, start_child)
    await gateway.wait_ready()
    flood = Flood(gateway)
    senders = [asyncio.create_task(flood.send(number * 1_000_000)) for number in range(SENDERS)]
    await wait_until_async(lambda: flood.opened >= SENDERS and flood.statuses[200], 120)
    own_kafka.pause()
    hung_s, good, before, most_bytes, in_flight = time.perf_counter(), flood.statuses[200], gateway.rss_bytes, 0, 0.0
    while time.perf_counter() - hung_s < HUNG_S:
        most_bytes = max(most_bytes, gateway.rss_bytes)
        in_flight = max(in_flight, await gateway.metric("in_flight_bytes"))
        await asyncio.sleep(0.2)
    hung, hung_good = flood.statuses[503], flood.statuses[200]
    own_kafka.resume()
    await wait_until_async(lambda: flood.statuses[200] > hung_good + 100, 120)
    for sender in senders:
        sender.cancel()
    ends = await asyncio.gather(*senders, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
    with capsys.disabled():
        print(  # noqa: T201
            f"\nKafka hung for {HUNG_S} s, {SENDERS} senders: {hung} answers of 503, slowest {flood.slowest_s:.1f} s;"
            f" in flight at most {in_flight / 1e6:.0f} MB; memory {before / 1e6:.0f} MB before,"
            f" at most {most_bytes / 1e6:.0f} MB"
        )
    assert flood.statuses.keys() == {200, 503}
    assert hung_good <= good + SENDERS
    assert flood.slowest_s < ANSWER_S
    assert LIMIT_BYTES / 2 < in_flight <= LIMIT_BYTES
    assert most_bytes - before < GROWN_MOST_BYTES
    found = {one.id for one in interactions(settings)}
    assert {f"1_{number}" for number in flood.accepted} <= found
