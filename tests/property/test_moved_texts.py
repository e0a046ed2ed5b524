"""A comment that turns out to be of another day while its author is erased takes no text along.

The production code of worker and erasure with a real Redis, in the world of `tests/world`.
"""

from __future__ import annotations

from msgspec.structs import replace

from tests.driver import DAY_MS
from tests.factories import NOON_MS
from tests.world.schedules import MANY, at_every_call, came_right, comment, count, counted, publish
from tests.world.simulation import REACHES
from tests.world.wire import Fault, Reach


def test_a_comment_that_moves_under_an_erasure_at_any_call_takes_no_text_along(socket: str) -> None:
    """Its edit came before it, and it is of the day before: the erasure may have looked there already."""
    for reach in REACHES:

        def move(call: int, reach: Reach = reach) -> bool:
            edit = replace(comment(0), action="edit")
            schedule = counted(socket, edit)
            publish(schedule)
            schedule.erase("bob")
            schedule.follow_erasures(1, Fault(call, reach, "stall"))
            schedule.write([replace(edit, action="add", time_ms=NOON_MS - DAY_MS)])
            count(schedule)
            schedule.go_on(1)
            return came_right(schedule) == 1

        assert at_every_call(move) > MANY
