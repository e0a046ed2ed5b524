"""`ratioed`: the comments of a post exceed its likes, of all time, as of the end of a closed window of the finest size.

over:  comments >= alert_ratioed_comments and comments > alert_ratioed likes
under: comments < clear alert_ratioed likes, or fewer comments than that

Of the newest closed window in which anything happened there is a word at every look, also where it was judged before:
what came after its close, and what was removed, is in it. In-order input makes that the same word again, which changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.alerting.state import HOLD_MS
from pipeline.alerting.verdict import Verdict
from pipeline.counting.live import LivePage
from pipeline.counting.rows import unpack
from pipeline.settings import Settings
from pipeline.windows import ALL, ALL_NAME, SIZES_MAX


def judge_ratioed(
    page: LivePage, from_ms: int, until_ms: int, settings: Settings, *, known: bool = True
) -> Iterator[Verdict]:
    """The words on the finest windows of a post that close in [from_ms, until_ms], oldest first; where none of them has
    anything in it, the word on the newest closed one of the last day. A window in which nothing happened gets none.

    `known`: whether anything was ever said of the post. If not, words before the first `over` change nothing, and are
    left out: of most posts there is none, and a worker that catches up passes hundreds of windows."""
    length_ms, grace_ms = settings.windows.finest_ms, settings.grace_s * 1000
    first = -((grace_ms - from_ms) // length_ms) - 1
    last = (until_ms - grace_ms) // length_ms - 1
    recent = (until_ms - HOLD_MS) // length_ms
    rows, total = page.rows, page.rows[ALL]
    # All of it may be older than finest rows are kept: then the post's last event names the window.
    indices = sorted(code // SIZES_MAX for code in rows if code >= 0 and code % SIZES_MAX == 0)
    totals: list[tuple[int, int]] = []
    for index in reversed(indices or [page.last_ms // length_ms]):
        if index < first and (totals or index < recent):
            break
        if index <= last:
            totals.append((index, total))
        total -= rows.get(index * SIZES_MAX, 0)
    for index, row in reversed(totals):
        likes, comments, *_ = unpack(row)
        known = known or _is_over(likes, comments, settings)
        if known:
            yield _judge((index + 1) * length_ms, likes, comments, settings)


def _is_over(likes: int, comments: int, settings: Settings) -> bool:
    return comments >= settings.alert_ratioed_comments and comments > settings.alert_ratioed * likes


def _judge(end_ms: int, likes: int, comments: int, settings: Settings) -> Verdict:
    limit, enough = settings.alert_ratioed * likes, comments >= settings.alert_ratioed_comments
    over, under = _is_over(likes, comments, settings), not enough or comments < settings.alert_clear * limit
    return Verdict(
        level="over" if over else "under" if under else "between",
        since_ms=end_ms - settings.windows.finest_ms,
        window=ALL_NAME,
        start_ms=None,
        end_ms=end_ms,
        time_ms=end_ms + settings.grace_s * 1000,
        judged_ms=end_ms,
        # Without a like every comment exceeds: the number itself says more than an endless ratio.
        value=comments / max(1, likes),
        baseline=None,
        threshold=settings.alert_ratioed,
        sample=likes + comments,
    )
