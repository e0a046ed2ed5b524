"""What the measurement of recoveries calls broken: slower than promised, or slower because more was counted before."""

from __future__ import annotations

import pytest

from bench.recovery import Measured, broken


@pytest.mark.parametrize(
    ("few", "many", "said"),
    [
        ([6.0, 7.0], [7.0, 9.9], ""),
        ([6.0, 7.0], [7.0, 10.2], "counted again 10.2 s after a kill; expected 10 s at the most"),
        ([10.2, 7.0], [7.0, 7.0], "counted again 10.2 s after a kill; expected 10 s at the most"),
        ([6.0, 0.4], [7.0, 7.0], "counted again 0.4 s after a kill; expected 4 s at least: no partition changed hands"),
        ([4.0, 4.0], [8.0, 8.0], "with 10 times as much counted it took 2.00 times as long; expected 1.5 at the most"),
    ],
)
def test_a_recovery_is_within_ten_seconds_whatever_was_counted_before(
    few: list[float], many: list[float], said: str
) -> None:
    assert broken([Measured(100, few), Measured(1_000, many)]) == said
