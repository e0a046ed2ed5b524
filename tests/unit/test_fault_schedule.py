"""The schedule of `twoway prove`: the same seed gives the same faults, every kind has its turn, it ends in time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.crash_points import POINTS
from pipeline.faults.schedule import (
    EMPTIED_UNTIL_S,
    FIRST_S,
    GAP_S,
    PARTITIONS,
    QUIET_S,
    Fault,
    Kind,
    draw_schedule,
)

ZOMBIE_S = 6.0
SEEDS = st.integers(0, 2**32)


def faults_of(schedule: tuple[Fault, ...], kind: Kind) -> list[Fault]:
    return [fault for fault in schedule if fault.kind is kind]


@given(seed=SEEDS, seconds=st.floats(30, 3_600))
def test_the_same_seed_draws_the_same_faults(seed: int, seconds: float) -> None:
    """Victims, crash points and how long each lasts are drawn beforehand, too."""
    assert draw_schedule(seed, seconds, ZOMBIE_S) == draw_schedule(seed, seconds, ZOMBIE_S)


@given(seed=SEEDS, seconds=st.floats(30, 3_600))
def test_a_longer_run_begins_with_the_faults_of_a_shorter_one(seed: int, seconds: float) -> None:
    """So a fault that showed something can be had again sooner."""
    shorter = draw_schedule(seed, seconds / 2, ZOMBIE_S)
    assert draw_schedule(seed, seconds, ZOMBIE_S)[: len(shorter)] == shorter


@given(seed=SEEDS)
def test_every_kind_comes_before_any_comes_again(seed: int) -> None:
    schedule = draw_schedule(seed, 600, ZOMBIE_S)
    assert {fault.kind for fault in schedule[: len(Kind)]} == set(Kind)


@given(seed=SEEDS)
def test_three_and_a_half_minutes_have_seen_every_kind(seed: int) -> None:
    """As the page says, and so have the five of `make prove`."""
    assert {fault.kind for fault in draw_schedule(seed, 210, ZOMBIE_S)} == set(Kind)


@given(seed=SEEDS)
def test_every_crash_point_comes_before_any_comes_again(seed: int) -> None:
    """A night's run has been at all of them."""
    points = [fault.point for fault in draw_schedule(seed, 10_000, ZOMBIE_S) if fault.kind is Kind.CRASH_POINT]
    assert set(points[: len(POINTS)]) == set(POINTS)


@given(seed=SEEDS, seconds=st.floats(30, 3_600))
def test_faults_keep_their_distance_and_leave_time_to_be_got_over(seed: int, seconds: float) -> None:
    schedule = draw_schedule(seed, seconds, ZOMBIE_S)
    assert schedule[0].at_s == FIRST_S
    assert schedule[-1].at_s <= seconds - QUIET_S
    assert all(GAP_S[0] - 0.1 <= b.at_s - a.at_s <= GAP_S[1] + 0.1 for a, b in pairwise(schedule))


@given(seed=SEEDS)
def test_what_can_be_done_only_so_often_is_drawn_no_oftener(seed: int) -> None:
    """Partitions double until there are sixteen; there is always a worker left, and room for one more."""
    schedule = draw_schedule(seed, 3_600, ZOMBIE_S)
    assert len(faults_of(schedule, Kind.PARTITIONS_ADDED)) == len(PARTITIONS) - 1
    workers = 2
    for fault in schedule:
        workers += (fault.kind is Kind.WORKER_ADDED) - (fault.kind is Kind.WORKER_REMOVED)
        assert 1 <= workers <= 3


@given(seed=SEEDS)
def test_a_frozen_worker_sleeps_longer_than_its_session(seed: int) -> None:
    """Else nobody would take over, and it would wake as what it was."""
    assert all(f.lasts_s > ZOMBIE_S for f in faults_of(draw_schedule(seed, 600, ZOMBIE_S), Kind.WORKER_FROZEN))


@given(seed=SEEDS)
def test_redis_is_emptied_while_little_is_counted(seed: int) -> None:
    """Each round of the first quarter of an hour has it, later ones count on."""
    emptied = [fault.at_s for fault in faults_of(draw_schedule(seed, 3_600, ZOMBIE_S), Kind.REDIS_EMPTIED)]
    assert len(emptied) >= 3
    assert max(emptied) <= EMPTIED_UNTIL_S


@given(seed=SEEDS)
def test_what_is_done_for_a_while_says_for_how_long(seed: int) -> None:
    """The copy that Redis gets back is older than what it takes to make it."""
    schedule = draw_schedule(seed, 600, ZOMBIE_S)
    for kind, least_s in ((Kind.REDIS_FULL, 2), (Kind.CLOCK_SET, 1), (Kind.REDIS_RESTORED, 10)):
        assert all(fault.lasts_s >= least_s for fault in faults_of(schedule, kind))
