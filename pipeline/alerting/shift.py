"""`ratio_shift`: the conversation share of a window leaves the baseline of its post or account, upwards or downwards.

    x = comments / (likes + comments + shares) of the window, n = likes + comments + shares
    m = median of the x of the past windows, MAD = median of their |x - m|
    spread = max(MAD / 0.6745, sqrt(p (1 - p) / n))     with p = (m n + 1) / (n + 2)
    over:  |x - m| >= d     under: |x - m| < clear d     with d = max(alert_shift_z spread, alert_shift_least)

MAD / 0.6745 estimates a standard deviation without minding outliers, so |x - m| / spread is the robust z-score of
Iglewicz and Hoaglin (1993). Where the past windows are all the same MAD is 0 and says too little, and a small window
scatters by chance: so the spread is never less than that of n throws with the probability m.
"""

from __future__ import annotations

from math import sqrt
from statistics import median

from pipeline.alerting.history import History
from pipeline.alerting.verdict import Verdict
from pipeline.settings import Settings

#: MAD of a normal distribution, in standard deviations.
NORMAL_MAD = 0.6745


def judge_shift(history: History, index: int, settings: Settings) -> Verdict | None:
    """The word on one window; None where it or its past holds too little."""
    likes, comments, shares, *_ = history.counts(index)
    total = likes + comments + shares
    if total < settings.alert_least_sample:
        return None
    past = history.shares_before(index)
    if len(past) < settings.alert_least_windows:
        return None
    value, usual = comments / total, median(past)
    apart = abs(value - usual)
    needed = max(settings.alert_shift_z * spread(past, total), settings.alert_shift_least)
    start_ms = index * history.length_ms
    return Verdict(
        level="over" if apart >= needed else "under" if apart < settings.alert_clear * needed else "between",
        since_ms=start_ms,
        window=history.window,
        start_ms=start_ms,
        end_ms=start_ms + history.length_ms,
        time_ms=history.closes_ms(index),
        judged_ms=start_ms + history.length_ms,
        value=value,
        baseline=usual,
        threshold=usual + needed if value >= usual else usual - needed,
        sample=total,
    )


def spread(past: list[float], total: int) -> float:
    """How far shares of windows with `total` interactions usually lie from the median of the past ones."""
    usual = median(past)
    p = (usual * total + 1) / (total + 2)
    return max(median([abs(share - usual) for share in past]) / NORMAL_MAD, sqrt(p * (1 - p) / total))
