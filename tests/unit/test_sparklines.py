"""How numbers look in a terminal."""

from __future__ import annotations

import pytest

from pipeline.cli.sparklines import age, ratio, sparkline, thousands


def test_sparkline_scales_from_zero_to_the_largest() -> None:
    """None is a dot; equal values look equal."""
    assert sparkline([0, 1, None, 2]) == "▁▅·█"
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0.00"),
        (0.0125, "0.0125"),
        (0.00001234, "0.0000123"),
        (1.0, "1.00"),
        (312.4, "312"),
        (123456.7, "123,457"),
    ],
)
def test_ratio_has_three_significant_digits(value: float | None, text: str) -> None:
    """Never an exponent; `-` without likes."""
    assert ratio(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(-5, "now"), (400, "0.4 s"), (12_345, "12 s"), (300_000, "5 m"), (7_200_000, "2 h"), (172_800_000, "2 d")],
)
def test_age_is_in_one_unit(milliseconds: int, text: str) -> None:
    """The largest unit that is not zero."""
    assert age(milliseconds) == text


def test_thousands_are_separated() -> None:
    """1234567 reads as 1,234,567."""
    assert thousands(1234567) == "1,234,567"
