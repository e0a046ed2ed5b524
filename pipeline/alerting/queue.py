"""The queue of unanswered comments of an account: `queue_growth`, it is longer than usual; `queue_age`, its oldest has
waited for too long.

    queue_growth: length >= alert_queue_comments and length > alert_queue_times usual;
                  under: length < clear max(alert_queue_comments, alert_queue_times usual)
                  usual = the length that 19 of 20 past closes of windows did not exceed
    queue_age:    the oldest waits for alert_queue_minutes, at an account that answered at least alert_queue_reply_rate
                  of the comments that are older than that; under: no comment waits for clear alert_queue_minutes

A queue swells every day and shrinks every night, so a high quantile is what is usual, not the median. The age is told
only of accounts that usually answer: at the others something always waits. Comments that may still be answered in time
are no part of that rate, and an alert that stands does not ask it: an account that stops answering would mute the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from pipeline.alerting.history import History
from pipeline.alerting.verdict import Verdict
from pipeline.settings import Settings
from pipeline.windows import ALL_NAME

MINUTE_MS = 60_000
#: The share of past lengths up to which one is usual.
USUAL = 0.95


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account's queue as it is: how many comments wait, and the time of the oldest (None where none waits)."""

    length: int
    oldest_ms: int | None


#: Lengths of a queue at past closes, oldest first: length, how many times in a row.
Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """All that is known of a queue: as it is, and as it was."""

    waiting: Waiting
    lengths: Runs = ()


#: Of a post, and of an account that nobody has a comment for.
NO_QUEUE = Queue(Waiting(0, None))


def judge_growth(history: History, index: int, waiting: Waiting, runs: Runs, settings: Settings) -> Verdict | None:
    """The word at the close of a window; `runs` of the lengths at the closes before. None where those are too few."""
    lengths = [length for length, times in runs for _ in range(times)]
    if len(lengths) < settings.alert_least_windows:
        return None
    usual, start_ms = sorted(lengths)[ceil(USUAL * len(lengths)) - 1], index * history.length_ms
    limit = max(float(settings.alert_queue_comments), settings.alert_queue_times * usual)
    over = waiting.length >= settings.alert_queue_comments and waiting.length > settings.alert_queue_times * usual
    return Verdict(
        level="over" if over else "under" if waiting.length < settings.alert_clear * limit else "between",
        since_ms=start_ms,
        window=history.window,
        start_ms=start_ms,
        end_ms=start_ms + history.length_ms,
        time_ms=history.closes_ms(index),
        judged_ms=start_ms + history.length_ms,
        value=waiting.length,
        baseline=usual,
        threshold=limit,
        sample=len(lengths),
    )


def judge_age(
    history: History, waiting: Waiting, now_ms: int, not_before_ms: int, settings: Settings, *, standing: bool = False
) -> Verdict | None:
    """The word at a moment; None where the account does not usually answer and no alert is `standing`.
    `not_before_ms`: a cool-down ends then."""
    limit_ms = settings.alert_queue_minutes * MINUTE_MS
    oldest_ms = waiting.oldest_ms
    waited_ms = 0 if oldest_ms is None else now_ms - oldest_ms
    over, under = waited_ms >= limit_ms, waited_ms < settings.alert_clear * limit_ms
    if not (under or standing) and settings.alert_queue_reply_rate > 0:
        rate = history.reply_rate_before((now_ms - limit_ms) // history.length_ms)
        if rate is None or rate < settings.alert_queue_reply_rate:
            return None
    # The moment at which it had waited long enough, whenever that is noticed.
    noticed = over and not_before_ms <= now_ms
    time_ms = max((oldest_ms or 0) + limit_ms, not_before_ms) if noticed else now_ms
    return Verdict(
        level="over" if over else "under" if under else "between",
        since_ms=now_ms if oldest_ms is None else oldest_ms,
        window=ALL_NAME,
        start_ms=oldest_ms,
        end_ms=time_ms,
        time_ms=time_ms,
        judged_ms=now_ms,
        value=round((time_ms - oldest_ms) / MINUTE_MS, 1) if oldest_ms is not None else 0.0,
        baseline=None,
        threshold=settings.alert_queue_minutes,
        sample=waiting.length,
    )


def add_length(runs: Runs, length: int, most: int) -> Runs:
    """The runs with one more length, and no more than `most` of them in all."""
    out = [*runs]
    if out and out[-1][0] == length:
        out[-1] = (length, out[-1][1] + 1)
    else:
        out.append((length, 1))
    surplus = sum(times for _, times in out) - most
    while surplus > 0:
        length, times = out[0]
        out[:1] = [(length, times - surplus)] if times > surplus else []
        surplus -= times
    return tuple(out)
