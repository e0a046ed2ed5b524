"""Lifts and their intervals: known values, and what must hold for any."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from pipeline.insights.statistics import RESAMPLES, Lift, lift, mean


def test_lift_is_the_ratio_of_the_means() -> None:
    """Means of 6 and 2."""
    found = lift([4, 6, 8] * 10, [1, 2, 3] * 20)
    assert found is not None
    assert found.value == 3.0


def test_groups_without_spread_have_an_interval_of_no_width() -> None:
    """Every resample is the same."""
    assert lift([6] * 10, [3] * 12) == Lift(2.0, 2.0, 2.0)


def test_interval_agrees_with_the_normal_one_where_that_holds() -> None:
    """Means 15 and 10, variances 2, 100 posts a side: sd = 1.5 * sqrt(2 / 15**2 / 100 + 2 / 10**2 / 100) = 0.0255."""
    found = lift([13, 14, 15, 16, 17] * 20, [8, 9, 10, 11, 12] * 20)
    assert found is not None
    assert found.low == pytest.approx(1.45, abs=0.01)
    assert found.high == pytest.approx(1.55, abs=0.01)


def test_same_posts_give_the_same_interval_and_another_seed_nearly_the_same() -> None:
    """It is seeded: two people who ask see one answer."""
    group, others = [0, 1, 1, 2, 9, 0, 3, 4, 0, 12], [0, 0, 1, 2, 0, 1, 3, 0, 0, 1, 2]
    one, again, other = lift(group, others), lift(group, others), lift(group, others, seed=7)
    assert one == again
    assert one is not None
    assert other is not None
    assert one.low == pytest.approx(other.low, rel=0.15)


def test_others_that_are_mostly_empty_leave_no_upper_end() -> None:
    """Resamples without any comment are many: nothing bounds the lift."""
    found = lift([5] * 10, [0] * 9 + [1])
    assert found is not None
    assert (found.value, found.high) == (50.0, inf)
    assert found.low > 10


@pytest.mark.parametrize(("group", "others"), [([], [1]), ([1], []), ([1], [0, 0])])
def test_no_lift_without_posts_or_without_other_comments(group: list[int], others: list[int]) -> None:
    """There is nothing to divide, or nothing to divide by."""
    assert lift(group, others) is None


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """200 draws of 40 skewed posts a side with a true lift of 1: between 90 and 99 of 100 intervals hold it."""
    random = Random(4)
    spread = [0, 0, 0, 1, 1, 2, 3, 5, 12]
    held = 0
    for _ in range(200):
        found = lift(random.choices(spread, k=40), random.choices(spread, k=40), resamples=400)
        held += found is not None and found.low <= 1 <= found.high
    assert 180 <= held <= 199


def test_resamples_are_enough_for_two_percentiles() -> None:
    """50 resamples lie beyond each end."""
    assert RESAMPLES * 0.025 >= 50


def test_mean_of_nothing_is_none() -> None:
    """Not 0: no posts is not posts without comments."""
    assert mean([]) is None
    assert mean([1, 2]) == 1.5
