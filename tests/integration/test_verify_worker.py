"""The proof against a real worker: right while traffic flows, and it sees one number that somebody changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest

from pipeline.clock import wall_clock
from pipeline.feeding.sender import Sender, open_sender
from pipeline.local.children import Child
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from tests.commands import TWOWAY, environment, twoway_json
from tests.factories import make_interaction
from tests.redises import open_blocking
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = pytest.mark.servers

ACCOUNTS = 12
KINDS = ("like", "like", "like", "comment", "share")


@asynccontextmanager
async def traffic(settings: Settings) -> AsyncIterator[None]:
    """Interactions that go on during the `with`: new posts all the time, every seventh taken back, some repeated."""
    async with open_sender(settings) as sender:
        flowing = asyncio.create_task(_flow(sender))
        try:
            await wait_until_async(lambda: sender.sent)
            yield
        finally:
            flowing.cancel()
            await asyncio.wait({flowing})


async def _flow(sender: Sender) -> None:
    for number in count():
        account = f"a{number % ACCOUNTS}"
        interaction = make_interaction(
            account=account,
            post=f"{account}_{number // 300}",
            kind=KINDS[number % len(KINDS)],
            actor=f"u{number}",
            time_ms=wall_clock() - number % 90_000,
        )
        await sender.send(interaction)
        if number % 7 == 0:
            undone = {"action": "remove", "time_ms": interaction.time_ms + 1, "actor": f"u{number}"}
            await sender.send(make_interaction(account=account, post=interaction.post, kind=interaction.kind, **undone))
        if number % 20 == 0:
            await sender.send(interaction)
            await sender.flush()


async def test_rows_are_right_while_traffic_flows(settings: Settings, start_child: Callable[..., Child]) -> None:
    """Three proofs one after the other during traffic, one after it has ended."""
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    read = 0
    async with traffic(settings):
        for _ in range(3):
            report = await verify(settings, wait_s=DEADLINE_S)
            assert report.holds, report
            assert report.not_applied == 0, worker.tail()
            assert report.interactions > read
            read = report.interactions
    code, last = await asyncio.to_thread(twoway_json, settings, "verify")
    assert (code, last["rows_different"], last["not_applied"], last["rejected"]) == (0, 0, 0, {})
    assert last["interactions"] > read
    _change_a_number(settings)
    code, wrong = await asyncio.to_thread(twoway_json, settings, "verify")
    assert (code, wrong["rows_different"]) == (1, 1)
    assert wrong["differences"][0]["page"]["id"] == "a1_0"


def _change_a_number(settings: Settings) -> None:
    with open_blocking(settings) as client:
        client.hincrby(Keys(settings.key_prefix).post(slot_of("facebook", "a1"), "facebook", "a1_0"), "shares", 1)
