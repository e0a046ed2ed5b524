"""What an explanation says besides the counted columns: reply times, engaged actors, polled totals. For a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from pipeline.cli.sparklines import replied_within, thousands
from pipeline.cli.tables import moment
from pipeline.explaining.answer import Explanation, PolledSum
from schemas.engagement import REPLY_LONGER_MS, REPLY_TIMES_S


def is_beside(answer: Explanation) -> bool:
    """Whether there is anything besides the columns."""
    engaged = answer.engaged
    return bool(
        answer.reply_times.topic
        or answer.reply_times.redis
        or answer.polled
        or (engaged is not None and (engaged.topic or engaged.redis))
    )


def verdicts(answer: Explanation) -> set[str]:
    """What is said of all numbers together."""
    found = {one.verdict for one in answer.columns} | {one.verdict for one in answer.polled}
    found.add(answer.reply_times.verdict)
    return found if answer.engaged is None else found | {answer.engaged.verdict}


def beside_table(answer: Explanation) -> Table:
    """A line a number: by the topic, in Redis, whether they agree."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for name in ("besides", "by the topic", "in Redis", ""):
        table.add_column(name)
    times, engaged = answer.reply_times, answer.engaged
    if times.topic or times.redis:
        table.add_row("first replies", _buckets(times.topic), _buckets(times.redis), times.verdict)
    if engaged is not None and (engaged.topic or engaged.redis):
        estimate = "-" if engaged.redis is None else f"{thousands(engaged.redis)}, estimated"
        table.add_row("distinct actors", thousands(engaged.topic), estimate, engaged.verdict)
    for one in answer.polled:
        table.add_row(f"{one.number}, polled", _polled(one), _number(one.redis), _verdict(one))
    return table


def _buckets(times: Sequence[int] | None) -> str:
    """`3 within 15 s, 1 within 2 m`."""
    if times is None:
        return "-"
    ends_ms = [*(end_s * 1000 for end_s in REPLY_TIMES_S), REPLY_LONGER_MS]
    return ", ".join(f"{count:,} {replied_within(end)}" for count, end in zip(times, ends_ms, strict=False) if count)


def _polled(one: PolledSum) -> str:
    """`40 at 2026-11-23 09:24:07 UTC by 4@17`, or the sum of several posts."""
    if one.topic is None or one.topic_as_of_ms is None:
        return "-"
    whose = f"{one.posts:,} posts" if one.partition is None else f"{one.partition}@{one.offset}"
    return f"{thousands(one.topic)} at {moment(one.topic_as_of_ms)} by {whose}"


def _number(value: int | None) -> str:
    return "-" if value is None else thousands(value)


def _verdict(one: PolledSum) -> str:
    """And whether it is the number that answers show."""
    told = "shown, source totals" if one.is_shown else "what was counted is shown"
    return f"{one.verdict}; {told}"
