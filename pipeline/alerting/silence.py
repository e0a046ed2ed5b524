"""`silent`: the audience of an account does nothing for much longer than it ever does.

    quiet = closed windows in a row, up to now, in which the audience did nothing
    usual = the longest distance of two neighbouring windows in which it did something, over the baseline before
    over:  quiet >= max(alert_silent_minutes, alert_silent_times usual)     under: the audience did something

The longest, not the mean: an account that sleeps at night and at weekends has the night and the weekend in its
baseline. Where the baseline begins within a silence, that part of it counts as well.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import ceil

from pipeline.alerting.history import History
from pipeline.alerting.verdict import Level, Verdict
from pipeline.settings import Settings

MINUTE_MS = 60_000


def judge_silence(history: History, index: int, settings: Settings) -> Verdict | None:
    """The word on one closed window; None where the past holds too little, which neither begins a silence nor ends
    one: after more than a week of it the past is silence itself."""
    active = history.active
    place = bisect_right(active, index)
    if place == 0:
        return None
    last = active[place - 1]
    quiet, least = index - last, ceil(settings.alert_silent_minutes * MINUTE_MS / history.length_ms)
    if quiet < least:
        # Whatever is usual: nobody is silent yet.
        return _verdict(history, index, last, "between" if quiet else "under", 0, least, 0)
    oldest = last - history.most_windows
    past = [i for i in active[:place] if i >= oldest]
    sample = sum(map(history.heard, past))
    if len(past) < settings.alert_least_windows or sample < settings.alert_least_sample:
        return None
    begin = [oldest] if history.first < oldest else []
    usual = max(later - earlier for earlier, later in pairwise(begin + past))
    limit = max(least, ceil(settings.alert_silent_times * usual))
    return _verdict(history, index, last, "over" if quiet >= limit else "between", usual, limit, sample)


def _verdict(history: History, index: int, last: int, level: Level, usual: int, limit: int, sample: int) -> Verdict:
    length_ms = history.length_ms
    minutes = length_ms / MINUTE_MS
    return Verdict(
        level=level,
        since_ms=(last + 1) * length_ms,
        window=history.window,
        start_ms=(last + 1) * length_ms if last < index else last * length_ms,
        end_ms=(index + 1) * length_ms,
        time_ms=history.closes_ms(index),
        judged_ms=(index + 1) * length_ms,
        value=(index - last) * minutes,
        baseline=usual * minutes if usual else None,
        threshold=limit * minutes,
        sample=sample,
    )
