"""Hostile deliveries of every platform, rightly signed, through a running gateway on a real Kafka.

Each is answered, none breaks the gateway or holds it up, and all of it is either in the topic of interactions or kept.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from pipeline.clock import wall_clock
from pipeline.gateway.server import settle_memory
from pipeline.local.children import Child
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.sources.outcomes import LATER
from pipeline.sources.registry import SOURCES
from schemas.interaction import decode_interaction
from schemas.rejected import Rejected, decode_rejected
from schemas.topics import INTERACTIONS, REJECTED
from tests.commands import TWOWAY, environment
from tests.contract.corpus import Case
from tests.gateways import gateway, records
from tests.hostile import ALL, LARGE, TOKENS, Hostile, hostile_deliveries, sent
from tests.http_signing import rfc9421
from tests.integration.test_gateway_platforms import connection, write_connections
from tests.integration.work import proven
from tests.signing import SIGNERS, Request, Signed
from tests.yardstick import TRIES, is_standstill

pytestmark = pytest.mark.servers

TAKEN = {200, 400, 415}
#: With so many each platform comes up, some hundred times.
MANY = 10_000
#: On a machine that does much else.
MOST_REPEATED = 50


class Complaints(logging.Handler):
    """What is logged as an error while the gateway runs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Gate:
    """A gateway in a thread of its own, what it was given and what it said of it."""

    settings: Settings
    folder: Path
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    counted: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[bytes] = field(default_factory=Counter)
    complaints: Complaints = field(default_factory=Complaints)
    #: By platform, how many deliveries were made of its own.
    drawn: Counter[str] = field(default_factory=Counter)
    #: How many records of the topic of interactions were checked.
    interactions: int = 0
    #: Deliveries that a busy Kafka or Redis had repeated: a part of such a one may be in the topics twice.
    repeated: int = 0

    def post(self, delivery: Hostile) -> None:
        """The delivery, signed as the case's platform signs; what was taken is noted.

        A standstill is one if it comes again: once it may be the collector, which has the test's own litter to sweep.
        Processor time of the loop alone; by the clock on the wall: `test_large_deliveries.py`.
        """
        turns_s = list[float]()
        while not turns_s or is_standstill(turns_s[-1]):
            assert len(turns_s) < TRIES, f"the loop stood still for {turns_s} s with {_shown(delivery)}"
            turns_s.append(asyncio.run_coroutine_threadsafe(self._post(delivery), self.loop).result(60))

    async def run(self, up: threading.Event, stop: asyncio.Event) -> None:
        """Serve until told to stop."""
        numbered = {f"c{number}": connection(case) for number, case in enumerate(ALL)}
        write_connections(self.folder / "connections.toml", numbered)
        async with gateway(self.settings, self.folder) as self.client:
            settle_memory()  # as where the gateway is a program
            up.set()
            await stop.wait()

    async def _post(self, delivery: Hostile) -> float:
        """The longest turn of the loop meanwhile."""
        case, body, headers = delivery
        name = f"/webhooks/c{ALL.index(case)}"
        host = self.client.base_url.netloc.decode()
        signed = _sign(case, Request(host, name, body, dict(headers), wall_clock() // 1000), sent(case)[1])
        self.drawn[case.expected["platform"]] += 1
        longest = asyncio.create_task(_longest_turn())
        given: dict[str, Any] = {"content": body, "headers": _raw(headers, signed), "timeout": 50}
        while (answer := await self.client.post(name + signed.tail, **given)).status_code == 503:
            self.repeated += 1
            assert self.repeated < MOST_REPEATED
        longest.cancel()
        turn_s = await longest
        said = f"{answer.status_code} {answer.text[:200]}, {_shown(delivery)}"
        if len(body) > self.settings.body_limit_bytes:  # several large parts in one: refused unread, and kept nowhere
            assert answer.status_code == 413, said
            return turn_s
        # ActivityPub names its sender in the body: where that is broken, no key can fit. Of X and LinkedIn a body that
        # could be a challenge is none.
        refused = {401} if case.expected["platform"] in {"activitypub", "linkedin", "x"} else set()
        assert answer.status_code in TAKEN | refused, said
        if answer.status_code == 200:
            told = answer.json()
            self.counted["interactions"] += told["accepted"]
            self.counted["rejected"] += told.get("rejected", 0) + told.get("ignored", {}).get(LATER, 0)
        elif answer.status_code != 401:
            assert answer.json()["error"]
            self.counted["rejected"] += 1
            self.unreadable[body] += 1
        return turn_s

    def check(self) -> None:
        """Everything that was said to be taken is in a topic, once, whole, and in its account's partition."""
        assert self.complaints.lines == []
        found = records(self.settings, INTERACTIONS.name)
        self.interactions = len(found)
        for record in found:
            one = decode_interaction(record.value)
            assert record.key == one.key.encode()
            assert record.partition == slot_of(one.platform, one.account) % self.settings.partitions
        kept: list[Rejected] = [decode_rejected(record.value) for record in records(self.settings, REJECTED.name)]
        told = (self.counted["interactions"], self.counted["rejected"])
        assert (len(found), len(kept)) == told or (self.repeated and len(found) >= told[0] and len(kept) >= told[1])
        assert Counter(one.bytes for one in kept if one.stage == "parse") == self.unreadable


def _shown(delivery: Hostile) -> str:
    headers = [(name, value[:100]) for name, value in delivery.headers]
    return f"{delivery.case.name}: {headers} {delivery.body[:300]!r}"


def _raw(headers: tuple[tuple[str, str], ...], signed: Signed) -> list[tuple[bytes, bytes]]:
    """The headers, and in place of what signing adds what it adds."""
    added = {name.lower() for name in signed.headers}
    pairs = [(name, value) for name, value in headers if name.lower() not in added]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*pairs, *signed.headers.items())]


def _sign(case: Case, request: Request, original: bytes) -> Signed:
    scheme = SOURCES[case.expected["platform"]].schemes[0]
    if scheme != "http-signature":
        return SIGNERS[scheme].sign(request, SIGNERS[scheme].secret)
    actor = str(json.loads(original)["actor"])  # whoever the broken body names, he signs as himself
    where: dict[str, Any] = {"key_id": f"{actor}#main-key", "key": actor, "host": request.host}
    return Signed(rfc9421(request.body, request.path, now_s=request.now_s, **where))


async def _longest_turn() -> float:
    """The longest turn of the loop until this is cancelled, in processor seconds: other programs do not count."""
    longest_s, last_s = 0.0, time.thread_time()
    try:
        while True:
            await asyncio.sleep(0)
            now_s = time.thread_time()
            longest_s, last_s = max(longest_s, now_s - last_s), now_s
    except asyncio.CancelledError:
        return longest_s


@pytest.fixture
def gate(settings: Settings, tmp_path: Path) -> Iterator[Gate]:
    """A gateway with a connection for every case of the corpus."""
    made, thresholds = Gate(settings, tmp_path), gc.get_threshold()
    up, stop = threading.Event(), asyncio.Event()
    logging.getLogger().addHandler(made.complaints)
    thread = threading.Thread(target=lambda: made.loop.run_until_complete(made.run(up, stop)), daemon=True)
    thread.start()
    assert up.wait(60)
    yield made
    made.loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    logging.getLogger().removeHandler(made.complaints)


@pytest.mark.parametrize("number", [100, pytest.param(MANY, marks=pytest.mark.prove)])
def test_every_hostile_delivery_is_counted_or_kept_or_refused(
    gate: Gate, number: int, start_child: Callable[..., Child]
) -> None:
    """No 500, no error in the log, no standstill; the topics hold exactly what the answers said, and a worker counts
    exactly that."""

    @examples(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))
    @given(hostile_deliveries())
    def each(delivery: Hostile) -> None:
        gate.post(delivery)

    each()
    gate.check()
    assert number < MANY or gate.drawn.keys() == SOURCES.keys()
    worker = start_child("worker", [*TWOWAY, "worker"], environment(gate.settings))
    report = asyncio.run(proven(gate.settings, gate.interactions))
    assert report.rows_compared > number // 10
    assert worker.is_running(), worker.tail()


@pytest.mark.parametrize("number", [5, pytest.param(600, marks=pytest.mark.prove)])
def test_large_hostile_parts_are_no_different(gate: Gate, number: int) -> None:
    """Ids of a megabyte, five thousand levels, a hundred thousand items."""

    @examples(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))
    @given(hostile_deliveries(LARGE + TOKENS[:4]))
    def each(delivery: Hostile) -> None:
        gate.post(delivery)

    each()
    gate.check()
