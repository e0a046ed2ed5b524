"""Schedules written out of things that are rare together: a stop in a publication, a lost life of Redis, a zombie.

The production code with a real Redis, in the world of `tests/world`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import redis
from msgspec.structs import replace

from pipeline.counting.members import hash_id
from schemas.interaction import Interaction
from tests.factories import NOON_MS, make_interaction
from tests.world.schedules import BRAND, PARTITION
from tests.world.steps import count, end, publish
from tests.world.wire import Fault
from tests.world.world import World

POST = f"{BRAND}_0"
COMMENT = make_interaction(account=BRAND, post=POST, kind="comment", id="c1", actor="bob", time_ms=NOON_MS - 300_000)
OTHER = replace(COMMENT, id="c5", time_ms=NOON_MS - 600_000)
REPLY = replace(COMMENT, id="r", own=True, parent="c1", actor=None, time_ms=NOON_MS)


def count_all(world: World, who: int = 0) -> None:
    world.workers[who].fetch(PARTITION, 20)
    count(world, who)


def publish_and_commit(world: World, who: int = 0) -> None:
    publish(world, who=who)
    world.workers[who].commit()


@pytest.mark.parametrize("call", [0, 1, 2])
def test_a_stop_acknowledges_nothing_that_a_publication_under_way_could_not_tell(socket: str, call: int) -> None:
    """It waited for Redis, whose connection broke; the last publication then found nothing left to tell."""
    world = World(socket)
    world.write(replace(COMMENT, time_ms=NOON_MS))
    count_all(world)
    worker = world.workers[0]

    async def stop_meanwhile() -> None:
        worker.wire.fault = Fault(call, "none", "stall")
        publisher = asyncio.create_task(worker.tables.publish(at_once=True))
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(worker.tables.stop())
        await asyncio.sleep(0.1)
        assert worker.wire.stalled, "the publication has no such call"
        for answer in worker.wire.stalled:
            answer.set_exception(redis.ConnectionError("the connection broke"))
        worker.wire.stalled.clear()
        await asyncio.gather(publisher, stopping)

    world.run(stop_meanwhile())
    worker.commit()
    world.run(worker.kill())
    end(world)


@pytest.mark.parametrize(
    "undone",
    [
        replace(REPLY, action="remove", time_ms=NOON_MS + 1),
        replace(REPLY, kind="like", time_ms=NOON_MS + 1),
        replace(REPLY, parent="c5"),
    ],
    ids=["removed", "of another kind", "of another comment"],
)
def test_an_answer_that_is_counted_anew_with_its_end_in_one_slice_is_taken_back(
    socket: str, undone: Interaction
) -> None:
    """It was told in a life of Redis that is lost, of a window that had closed: in the new one nothing changes."""
    assert hash_id("c5") > hash_id("c1"), "of two parents as new the greater one wins"
    world = World(socket)
    for one in (COMMENT, OTHER):
        world.write(one)
    count_all(world)
    publish_and_commit(world)
    world.loop.now_s += 5
    publish_and_commit(world)
    world.save()
    world.write(REPLY)
    count_all(world)
    publish_and_commit(world)
    world.write(undone)
    world.go_back()
    world.loop.now_s += 5
    publish_and_commit(world)
    count_all(world)
    end(world)


def test_what_is_only_told_again_may_be_gone_from_kafka(socket: str) -> None:
    """All of it is counted, so nothing is missing that a worker had to stop for."""
    world = World(socket)
    for number in range(10):
        world.write(make_interaction(account=BRAND, post=POST, id=f"l{number}"))
    count_all(world)
    publish(world)
    world.oust(0)
    heir = world.workers[1]

    async def limits(partitions: Iterable[int]) -> Mapping[int, tuple[int, int]]:
        return {partition: (5, len(world.kafka.logs[partition])) for partition in partitions}

    heir.tables.limits.ask = limits
    heir.positions[PARTITION] = 5
    count_all(world, 1)
    assert heir.tables.tables[PARTITION].progress.position == 10
    end(world)


@pytest.mark.parametrize("answered", [True, False])
def test_what_a_zombie_tells_of_a_comment_after_its_heir_is_not_the_last_word(socket: str, answered: bool) -> None:
    """It told that it waits, as it did before the zombie stood still; the heir had told of the answer by then. Where
    there was none it waits still."""
    world = World(socket)
    zombie, heir = world.workers
    world.write(COMMENT)
    count_all(world)
    publish(world, Fault(2, "all", "stall"))
    assert zombie.busy
    world.oust(0)
    if answered:
        world.write(REPLY)
    count_all(world, 1)
    publish_and_commit(world, 1)
    told: Any = len(world.kafka.out["engagement.unanswered"])
    world.run(zombie.finish())
    world.run(zombie.kill())
    assert len(world.kafka.out["engagement.unanswered"]) > told, "the zombie told nothing any more"
    assert not heir.dead
    end(world)
