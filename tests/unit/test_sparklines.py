"""How numbers look in a terminal."""

from __future__ import annotations

import pytest

from pipeline.cli.sparklines import age, lasting, ratio, replied_in, replied_within, sparkline, thousands


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


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "-"),
        (0, "0.0 s"),
        (7_500, "7.5 s"),
        (42_000, "42 s"),
        (84_000, "1.4 m"),
        (3_599_999, "59 m"),
        (3_600_000, "1.0 h"),
        (7 * 86_400_000, "7.0 d"),
    ],
)
def test_a_length_of_time_has_two_digits_at_least(milliseconds: int | None, text: str) -> None:
    """A median of 84 s and nine tenths of 110 s are not both `1 m`."""
    assert lasting(milliseconds) == text


@pytest.mark.parametrize(
    ("milliseconds", "cell", "words"),
    [
        (15_000, "15 s", "within 15 s"),
        (60_000, "1 m", "within 1 m"),
        (5_400_000, "1.5 h", "within 1.5 h"),
        (604_800_000, "7 d", "within 7 d"),
        (604_800_001, "> 7 d", "after more than 7 d"),
    ],
)
def test_ends_of_reply_buckets_are_said_as_they_are(milliseconds: int, cell: str, words: str) -> None:
    """Whole where they are whole; the last bucket has no end."""
    assert (replied_in(milliseconds), replied_within(milliseconds)) == (cell, words)
