"""How a fault of Redis is known to have fired: less was counted than before, and then as much again."""

from __future__ import annotations

import pytest

from pipeline.faults.reach import Reaches, counted, has_caught_up, is_below
from pipeline.proving.snapshot import Reach


def reaches(**applied: dict[int, int]) -> Reaches:
    """`s7={3: 10}`: slot 7 has applied partition 3 up to offset 10."""
    return {int(slot[1:]): Reach(offsets, {}) for slot, offsets in applied.items()}


BEFORE = reaches(s1={1: 10}, s5={1: 8, 5: 20}, s9={})


def test_records_are_counted_once_however_many_slots_a_partition_has() -> None:
    assert counted(reaches(s1={1: 10}, s5={1: 12}, s2={2: 3})) == 15


@pytest.mark.parametrize(
    "now",
    [
        reaches(s1={1: 9}, s5={1: 8, 5: 20}, s9={}),
        reaches(s1={1: 11}, s5={1: 8, 5: 19}, s9={}),
        reaches(s1={}, s5={}, s9={}),
    ],
)
def test_one_slot_that_is_less_far_is_a_loss(now: Reaches) -> None:
    assert is_below(now, BEFORE)
    assert not has_caught_up(now, BEFORE)


@pytest.mark.parametrize(
    "now",
    [
        BEFORE,
        reaches(s1={1: 11}, s5={5: 20}, s9={1: 4}),  # what slot 5 had in its former partition is sent on, not counted
        reaches(s1={1: 3, 17: 1}, s5={5: 21}, s9={}),  # slot 1 has moved meanwhile
    ],
)
def test_every_slot_as_far_again_where_it_lies_is_all_counted_again(now: Reaches) -> None:
    assert has_caught_up(now, BEFORE)


def test_a_redis_that_knows_nothing_has_lost_nothing() -> None:
    """Nothing was counted yet: an emptied Redis shows nothing then."""
    assert not is_below(reaches(s1={}, s5={}), reaches(s1={}, s5={}))
    assert counted(reaches(s1={}, s5={})) == 0
