"""Erasures that are cut off, or overtake a publication, at any of their calls: what an erased actor said is nowhere.

The production code of worker and erasure with a real Redis, in the world of `tests/world`.
"""

from __future__ import annotations

import pytest

from tests.world.schedules import MANY, at_every_call, came_right, publish, published
from tests.world.simulation import REACHES
from tests.world.wire import Fault, Reach

#: What becomes of Redis once the erasure was cut off; half of it is left to `make prove`.
AFTERWARDS = (
    "goes on",
    "lost since before the erasure",
    pytest.param("lost", marks=pytest.mark.prove),
    pytest.param("lost since the fault", marks=pytest.mark.prove),
)
#: Where texts are when their author is erased; what was told of them lies in the topic.
TEXTS = ("in Redis", "gone from Redis")


@pytest.mark.parametrize("texts", ["in Redis", pytest.param("gone from Redis", marks=pytest.mark.prove)])
@pytest.mark.parametrize("afterwards", AFTERWARDS)
@pytest.mark.parametrize("end", ["death", "error", "stall"])
def test_an_erasure_that_is_cut_off_at_any_call_is_finished_by_the_others(
    socket: str, end: str, afterwards: str, texts: str
) -> None:
    """Also where Redis loses everything meanwhile, or all since somewhere in the middle."""
    for reach in REACHES:

        def cut_off(call: int, reach: Reach = reach) -> bool:
            schedule = published(socket)
            if texts == "gone from Redis":
                schedule.forget_texts()
                schedule.world.forgot = False  # only the erasure tells of them again, and that they wait
            if afterwards == "lost since before the erasure":
                schedule.save()
            schedule.erase("bob")
            schedule.follow_erasures(0, Fault(call, reach, end))  # type: ignore[arg-type]
            if afterwards == "lost since the fault":
                schedule.save()
                schedule.follow_erasures(1, None)
            if afterwards != "goes on":
                schedule.go_back()
            return came_right(schedule) == 1

        assert at_every_call(cut_off) > MANY


@pytest.mark.parametrize("texts", TEXTS)
def test_a_publication_that_an_erasure_overtakes_at_any_call_tells_no_text(socket: str, texts: str) -> None:
    """It had read the text before, and what it sends comes behind the erasure's tombstone, or where the erasure has
    read already."""
    for reach in REACHES:

        def overtake(call: int, reach: Reach = reach) -> bool:
            schedule = published(socket, Fault(call, reach, "stall"))
            if texts == "gone from Redis":
                schedule.forget_texts()
            schedule.erase("bob")
            schedule.follow_erasures(1, None)
            schedule.go_on(0)
            publish(schedule)
            return came_right(schedule) == 1

        assert at_every_call(overtake) > MANY


@pytest.mark.parametrize("end", ["stall", pytest.param("death", marks=pytest.mark.prove)])
def test_an_erasure_that_stands_still_at_any_call_of_a_publication_that_does_too_leaves_no_text(
    socket: str, end: str
) -> None:
    """The one waits within its calls while the other goes on, and texts leave Redis in between."""
    reaches: tuple[Reach, ...] = ("none", "all")
    for reach in reaches:

        def stand_still(told_to: int, erased_to: int, reach: Reach = reach) -> int:
            schedule = published(socket, Fault(told_to, reach, "stall"))
            schedule.forget_texts()
            schedule.erase("bob")
            schedule.follow_erasures(1, Fault(erased_to, reach, end))  # type: ignore[arg-type]
            schedule.go_on(0)
            schedule.go_on(1)
            return came_right(schedule)

        def tell(told_to: int) -> bool:
            return at_every_call(lambda erased_to: stand_still(told_to, erased_to) == 2) > MANY

        assert at_every_call(tell) > MANY
