"""How much more one group of posts is commented on than another, and how sure that is. Pure, seeded, standard library.

The interval is the percentile bootstrap: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter
13. It makes no assumption about how comments are spread over posts, which is anything but normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf
from random import Random

CONFIDENCE = 0.95
RESAMPLES = 2_000
#: Below this many posts in either group the percentiles of the bootstrap are far too narrow.
SMALLEST_SAMPLE = 10
#: The same posts give the same interval, whoever asks.
SEED = 1927


@dataclass(frozen=True)
class Lift:
    """Mean of one group / mean of another, and the ends of its interval; `high` is infinite where nothing bounds it."""

    value: float
    low: float
    high: float


def lift(group: Sequence[int], others: Sequence[int], resamples: int = RESAMPLES, seed: int = SEED) -> Lift | None:
    """How many times the mean of `others` that of `group` is; None where `others` are empty or all 0."""
    if not group or not any(others):
        return None
    random = Random(seed)
    scale = len(others) / len(group)
    ratios = sorted(_ratio(_resampled(random, group), _resampled(random, others), scale) for _ in range(resamples))
    tail = (1 - CONFIDENCE) / 2
    return Lift(
        value=_ratio(sum(group), sum(others), scale),
        low=ratios[int(tail * resamples)],
        high=ratios[ceil((1 - tail) * resamples) - 1],
    )


def mean(values: Sequence[int]) -> float | None:
    """None of nothing."""
    return sum(values) / len(values) if values else None


def _resampled(random: Random, values: Sequence[int]) -> int:
    return sum(random.choices(values, k=len(values)))


def _ratio(total: int, other_total: int, scale: float) -> float:
    """A resample without a comment has no mean to divide by: then nothing bounds the ratio, unless both have none."""
    if other_total == 0:
        return inf if total else 1.0
    return total / other_total * scale
