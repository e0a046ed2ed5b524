"""Erasures that are cut off, or overtake a publication, at any of their calls: what an erased actor said is nowhere.

The production code of worker and erasure with a real Redis, in the world of `tests/world`.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from pipeline.slots import slot_of
from schemas.interaction import Interaction
from tests.factories import NOON_MS, make_interaction
from tests.world.kafka import PARTITIONS
from tests.world.simulation import Simulation
from tests.world.wire import Fault
from tests.world.world import BRANDS

BRAND = BRANDS[0]
PARTITION = slot_of("facebook", BRAND) % PARTITIONS
#: More than an erasure or a publication makes here.
CALLS = range(17)
REACHES = ("none", "part", "all")
#: What becomes of Redis once the erasure was cut off.
AFTERWARDS = ("goes on", "lost", "lost since the fault", "lost since before the erasure")
#: Where texts are when their author is erased; what was told of them lies in the topic.
TEXTS = ("in Redis", "gone from Redis")


def comment(number: int) -> Interaction:
    return make_interaction(
        account=BRAND, post=f"{BRAND}_0", kind="comment", id=f"{BRAND}_0#{number}", actor="bob", time_ms=NOON_MS,
        text="Why not?",
    )  # fmt: skip


@pytest.mark.parametrize("texts", TEXTS)
@pytest.mark.parametrize("end", ["death", "error", "stall"])
def test_an_erasure_that_is_cut_off_at_any_call_is_finished_by_the_others(socket: str, end: str, texts: str) -> None:
    """Also where Redis loses everything meanwhile, or all since somewhere in the middle."""
    happened = set()
    for reach, call, afterwards in product(REACHES, CALLS, AFTERWARDS):
        schedule = published(socket)
        if texts == "gone from Redis":
            schedule.forget_texts()
            schedule.world.forgot = False  # only the erasure tells of them again, and that they wait
        if afterwards == "lost since before the erasure":
            schedule.save()
        schedule.erase("bob")
        schedule.follow_erasures(0, Fault(call, reach, end))  # type: ignore[arg-type]
        if schedule.world.happened:
            happened.add(call)
        if afterwards == "lost since the fault":
            schedule.save()
            schedule.follow_erasures(1, None)
        if afterwards != "goes on":
            schedule.go_back()
        schedule.teardown()
    assert happened == set(range(len(happened)))
    assert CALLS[-1] not in happened


@pytest.mark.parametrize("texts", TEXTS)
def test_a_publication_that_an_erasure_overtakes_at_any_call_tells_no_text(socket: str, texts: str) -> None:
    """It had read the text before, and what it sends comes behind the erasure's tombstone, or where the erasure has
    read already."""
    for reach, call in product(REACHES, CALLS):
        schedule = published(socket, Fault(call, reach, "stall"))  # type: ignore[arg-type]
        if texts == "gone from Redis":
            schedule.forget_texts()
        schedule.erase("bob")
        schedule.follow_erasures(1, None)
        schedule.go_on(0)
        schedule.publish(PARTITION, False, True, None, True)
        schedule.teardown()


@pytest.mark.parametrize("end", ["death", "stall"])
def test_an_erasure_that_stands_still_at_any_call_of_a_publication_that_does_too_leaves_no_text(
    socket: str, end: str
) -> None:
    """The one waits within its calls while the other goes on, and texts leave Redis in between."""
    for reach, told_to, erased_to in product(("none", "all"), range(9), CALLS):
        schedule = published(socket, Fault(told_to, reach, "stall"))  # type: ignore[arg-type]
        schedule.forget_texts()
        schedule.erase("bob")
        schedule.follow_erasures(1, Fault(erased_to, reach, end))  # type: ignore[arg-type]
        schedule.go_on(0)
        schedule.go_on(1)
        schedule.teardown()


def published(socket: str, fault: Fault | None = None) -> Simulation:
    """A schedule in which three comments are counted, and are or are being published. Half of what an erasure tells of
    them ends behind a tombstone."""
    schedule = Simulation(socket, Counter())
    schedule.write([comment(0), comment(1), comment(2)])
    schedule.count(PARTITION, 8, False, True, None)
    schedule.publish(PARTITION, False, True, fault, True)
    return schedule
