"""Schedules that are written out: an erasure or a publication of a few comments, with a fault at each of its calls."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

from pipeline.slots import slot_of
from schemas.interaction import Interaction
from tests.factories import NOON_MS, make_interaction
from tests.world.kafka import PARTITIONS
from tests.world.simulation import Simulation
from tests.world.wire import Fault
from tests.world.world import BRANDS

BRAND = BRANDS[0]
PARTITION = slot_of("facebook", BRAND) % PARTITIONS
#: An erasure and a publication make more calls than these.
MANY = 3


def comment(number: int) -> Interaction:
    """One of bob's comments on the brand's post."""
    return make_interaction(
        account=BRAND, post=f"{BRAND}_0", kind="comment", id=f"{BRAND}_0#{number}", actor="bob", time_ms=NOON_MS,
        text="Why not?",
    )  # fmt: skip


def counted(socket: str, *interactions: Interaction) -> Simulation:
    """A schedule in which these are counted."""
    schedule = Simulation(socket, Counter())
    schedule.write([*interactions])
    count(schedule)
    return schedule


def published(socket: str, fault: Fault | None = None) -> Simulation:
    """A schedule in which three comments are counted, and are or are being published. Half of what an erasure tells of
    them ends behind a tombstone."""
    schedule = counted(socket, comment(0), comment(1), comment(2))
    publish(schedule, fault)
    return schedule


def count(schedule: Simulation) -> None:
    """The brand's owner counts all there is."""
    schedule.count(PARTITION, 8, False, True, None)


def publish(schedule: Simulation, fault: Fault | None = None) -> None:
    """The brand's owner publishes and commits."""
    schedule.publish(PARTITION, False, True, fault, True)


def at_every_call(fault_at: Callable[[int], bool]) -> int:
    """Let a fault happen at each call in turn, until there is no such call and nothing happens; how many there are."""
    return next(call for call in itertools.count() if not fault_at(call))


def came_right(schedule: Simulation) -> int:
    """The schedule's end came out right; how many faults there were."""
    faults = len(schedule.world.happened)
    schedule.teardown()
    return faults
