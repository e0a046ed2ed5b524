"""Schedules written out, of a fault or two: what waits, and who asks for nothing again, comes to its right end as well.

The production code with a real Redis, in the world of `tests/world`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.slots import slot_of
from schemas.interaction import Interaction
from tests.factories import NOON_MS, make_interaction
from tests.world.kafka import PARTITIONS
from tests.world.schedules import BRAND, MANY, PARTITION, at_every_call, came_right
from tests.world.simulation import REACHES, Simulation
from tests.world.steps import count, end, publish
from tests.world.wire import Fault, Reach
from tests.world.world import BRANDS, World

#: Another one of the brand's partition.
NEIGHBOUR = next(one for one in BRANDS[1:] if slot_of("facebook", one) % PARTITIONS == PARTITION)


def like(number: int) -> Interaction:
    return make_interaction(account=BRAND, post=f"{BRAND}_0", id=f"{BRAND}_0#{number}", time_ms=NOON_MS)


def lose(world: World, account: str) -> None:
    """All of its slot: a node of a cluster that fell back."""
    for key in world.client.scan_iter(f"{world.settings.key_prefix}:{{{slot_of('facebook', account)}}}:*"):
        world.client.delete(key)


def test_batches_that_were_fetched_before_a_seek_are_no_proof_that_offsets_are_missing(socket: str) -> None:
    """However long the agent stands still between two of them."""
    world = World(socket)
    for number in range(12):
        world.write(like(number))
    owner = world.workers[0]
    owner.fetch(PARTITION, 3)
    owner.wire.fault = Fault(2, "none", "error")
    count(world)
    owner.fetch(PARTITION, 3)
    owner.fetch(PARTITION, 3)
    publish(world)
    assert owner.positions[PARTITION] == 0, "the first batch did not fail, so nobody was sent back"
    count(world)
    world.loop.now_s += 6
    count(world)
    end(world)


@pytest.mark.parametrize("reach", REACHES)
def test_a_window_becomes_final_also_where_its_publication_failed_once(socket: str, reach: Reach) -> None:
    """At any of its calls, and though no further event comes."""

    def fail(call: int) -> bool:
        world = World(socket)
        world.write(like(1))
        world.workers[0].fetch(PARTITION, 1)
        count(world)
        publish(world, Fault(call, reach, "error"))
        return end(world) == 1

    assert at_every_call(fail) > MANY


@pytest.mark.parametrize("reach", REACHES)
def test_a_slice_that_a_server_did_not_take_is_counted_again_without_a_next_one(socket: str, reach: Reach) -> None:
    """Also where Kafka did not take what is refused in it, or belongs elsewhere."""

    def fail(call: int) -> bool:
        world = World(socket)
        world.write(like(1))
        world.write(make_interaction(account=BRANDS[-1], post="elsewhere", time_ms=NOON_MS), misplaced=True)
        owner = world.workers[0]
        owner.fetch(PARTITION, 2)
        owner.wire.fault = Fault(call, reach, "error")
        count(world)
        return end(world) == 1

    assert at_every_call(fail) > MANY


@pytest.mark.parametrize("lost", ["all", "one slot"])
def test_what_is_counted_anew_is_told_anew_also_by_who_finds_it_counted(socket: str, lost: str) -> None:
    """Kafka knows of it as published, but that was in the former life of Redis: when its windows close is lost."""
    world = World(socket)
    for account in (BRAND, NEIGHBOUR):
        world.write(make_interaction(account=account, kind="comment", post=f"{account}_0", time_ms=NOON_MS))
    owner = world.workers[0]
    owner.fetch(PARTITION, 2)
    count(world)
    publish(world)
    owner.commit()
    lose(world, BRAND)
    if lost == "all":
        world.go_back()
    publish(world)
    assert owner.positions[PARTITION] == 0, "nobody saw that Redis fell back"
    owner.fetch(PARTITION, 2)
    count(world)
    world.oust(0)
    assert world.kafka.committed[PARTITION] == 2
    end(world)


def test_a_slot_that_was_lost_is_seen_though_nothing_of_it_is_counted(socket: str) -> None:
    """What was applied before is only told again. Of a slot that is gone there is nothing to tell: not that nobody
    waits there, either."""
    account, partition = BRANDS[-1], 1
    world = World(socket)
    world.write(make_interaction(account=account, kind="comment", post=f"{account}_0", time_ms=NOON_MS))
    world.workers[0].fetch(partition, 1)
    count(world, partition=partition)
    world.oust(0)
    lose(world, account)
    heir = world.workers[1]
    heir.fetch(partition, 1)
    count(world, 1, partition)
    publish(world, who=1)
    assert heir.positions[partition] == 0, "nobody saw that Redis fell back"
    assert not heir.acknowledged
    end(world)


@pytest.mark.parametrize("newest", ["of the same account", "of another account"])
def test_a_window_that_was_told_as_final_stays_so_where_it_is_told_again(socket: str, newest: str) -> None:
    """Who takes over tells it again because of a repeat, and Redis falls back before it can note when it closes."""
    world = World(socket)
    late = make_interaction(account=BRAND, post=f"{BRAND}_0", time_ms=NOON_MS - 400_000)
    account = BRAND if newest == "of the same account" else NEIGHBOUR
    for one in (make_interaction(account=account, kind="comment", post=f"{account}_0", time_ms=NOON_MS), late, late):
        world.write(one)
    owner, heir = world.workers
    owner.fetch(PARTITION, 2)
    count(world)
    publish(world)
    owner.commit()
    world.save()
    owner.fetch(PARTITION, 1)
    count(world)
    world.oust(0)
    heir.fetch(PARTITION, 1)
    count(world, 1)
    world.go_back()
    publish(world, who=1)
    end(world)


def test_what_is_told_beats_what_was_told_in_a_life_of_redis_that_is_lost(socket: str) -> None:
    """Heirs tell the row once more, later than Redis remembers afterwards: that it is final must be later still."""
    schedule = Simulation(socket, Counter())
    schedule.write([make_interaction(account=BRAND, post=f"{BRAND}_0", time_ms=NOON_MS - 15_000)])
    schedule.carry_on(PARTITION, 8, False)
    schedule.save()
    schedule.kill(0)
    schedule.contend(PARTITION, 8, True, None)
    schedule.kill(1)
    schedule.carry_on(PARTITION, 8, False)
    schedule.go_back()
    assert came_right(schedule) == 0
