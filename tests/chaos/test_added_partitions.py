"""Partitions of `interactions` are added while workers count: slots change hands, no key moves, every row is right."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from kafka import KafkaAdminClient

from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys
from pipeline.topic_admin import add_partitions
from schemas.topics import INTERACTIONS
from tests.chaos.published import told_right
from tests.commands import TWOWAY, environment
from tests.integration.work import send, some_interactions
from tests.redises import open_blocking
from tests.said import said
from tests.waiting import DEADLINE_S, wait_until, wait_until_async

pytestmark = pytest.mark.servers

ACCOUNTS = 40
SMALL = {"TWOWAY_SLICE_EVENTS": "100", "TWOWAY_FETCH_EVENTS": "400", "TWOWAY_PUBLISH_S": "0.3"}


async def test_old_partitions_drain_while_new_ones_count(settings: Settings, start_child: Callable[..., Child]) -> None:
    """From 4 to 16 under load, with producers that know of it at different times: right at every look, not only in the
    end."""
    workers = [start_child("worker", [*TWOWAY, "worker"], environment(settings, **SMALL)) for _ in range(2)]
    sent, every_place = 0, {slot_of("facebook", f"a{number}") % 16 for number in range(ACCOUNTS)}
    # This sender learns of new partitions in five minutes: what it sends lies in the old places.
    async with open_sender(settings) as old_sender:
        for round_ in count():
            if round_ == 6:
                add_partitions(settings, 16)
            async with open_sender(settings) as sender:
                for one in some_interactions(1_000, first=sent, accounts=ACCOUNTS):
                    await (old_sender if round_ % 2 else sender).send(one)
                await old_sender.flush()
            sent += 1_000
            if round_ >= 6:
                now = await verify(settings, wait_s=DEADLINE_S)
                assert now.holds, now
            if round_ == 10:
                await wait_until_async(lambda: counted_in(settings) >= every_place)
            if round_ == 14:
                break
    report = await verify(settings, wait_s=DEADLINE_S)
    assert (report.holds, report.not_applied) == (True, 0), report
    assert report.interactions >= sent
    assert all(worker.is_running() for worker in workers), workers[0].tail()
    await told_right(settings)


@pytest.mark.prove
async def test_a_number_that_splits_slots_stops_the_worker_and_the_next_power_of_two_mends_it(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """Twelve partitions, by a slip: the worker leaves with a clear word; what was sent meanwhile is counted later."""
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings, **SMALL))
    await send(settings, some_interactions(1_000, accounts=ACCOUNTS))
    assert (await verify(settings, wait_s=DEADLINE_S)).holds
    async with open_sender(settings) as sender:
        with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
            admin.create_partitions({settings.topic(INTERACTIONS.name): 12})
        wait_until(lambda: worker.exit_code is not None)
        assert worker.exit_code == 1
        assert "has 12 partitions; expected a power of two" in said(worker)
        again = start_child("worker", [*TWOWAY, "worker"], environment(settings, **SMALL))
        wait_until(lambda: again.exit_code is not None)
        assert "has 12 partitions; expected a power of two" in said(again)
        await sender._producer.client.force_metadata_update()
        for one in some_interactions(1_000, first=1_000, accounts=ACCOUNTS):
            await sender.send(one)
    add_partitions(settings, 16)
    start_child("worker", [*TWOWAY, "worker"], environment(settings, **SMALL))
    report = await verify(settings, wait_s=DEADLINE_S)
    assert (report.holds, report.not_applied) == (True, 0), report
    assert report.interactions >= 2_000


def counted_in(settings: Settings) -> set[int]:
    """The partitions of which some slot has counted."""
    keys = Keys(settings.key_prefix)
    with open_blocking(settings, decode=True) as client:
        pipe = client.pipeline(transaction=False)
        for slot in range(SLOTS):
            pipe.hgetall(keys.applied[slot])
        return {int(field) for hash_ in pipe.execute() for field, to in hash_.items() if field.isdigit() and int(to)}
