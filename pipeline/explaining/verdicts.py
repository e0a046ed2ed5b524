"""Holds the sums of an explanation against the row in Redis, and says why they differ where that can be known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.explaining.answer import AGREES, ColumnSum, ReplyTimes
from pipeline.explaining.objects import ANSWERED, OBJECT_COLUMNS
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS

GONE = "the row is not kept any more"
#: What a window's field in Redis begins with; reply times follow.
_ROW = (*COLUMNS, ANSWERED)


@dataclass(frozen=True)
class Evidence:
    """What is known besides the sums. `cut`: the topic lost its oldest records. `first_ms`: the page's first event by
    the topic."""

    cut: bool
    first_ms: int


def column_sums(
    standing: Mapping[str, int], page: Mapping[str, str], code: int, windows: Windows, evidence: Evidence
) -> list[ColumnSum]:
    """Each column by the topic and in Redis. `standing`: what stands of each, and of the comments those `answered`.
    `page`: the page's hash as it stands in Redis."""
    row = redis_row(page, code, windows)
    names = (*OBJECT_COLUMNS, ANSWERED)
    return [_column_sum(column, standing.get(column, 0), row, page, evidence) for column in names]


def redis_row(page: Mapping[str, str], code: int, windows: Windows) -> dict[str, int] | None:
    """The counts of a window by column and its answered comments; None where its row is past its retention and gone."""
    if code == ALL:
        return {column: int(page.get(column, "0")) for column in _ROW}
    text = page.get(windows.field(code))
    if text is None and not windows.is_kept(code, int(page.get("last_ms", "0"))):
        return None
    texts = (text or "").split(",")
    return {column: int(count or "0") for column, count in zip(_ROW, texts, strict=False)}


def reply_times_sum(
    topic: tuple[int, ...], page: Mapping[str, str], code: int, windows: Windows, evidence: Evidence
) -> ReplyTimes:
    """The buckets of reply times by the topic and in Redis."""
    row = page.get("reply_times", "") if code == ALL else page.get(windows.field(code))
    if row is None and not windows.is_kept(code, int(page.get("last_ms", "0"))):
        return ReplyTimes(topic=topic, redis=None, verdict=GONE)
    texts = (row or "").split(",")
    redis = tuple(int(text) for text in (texts if code == ALL else texts[len(_ROW) :]) if text)
    return ReplyTimes(topic=topic, redis=redis, verdict=AGREES if topic == redis else why_differs(page, evidence))


def _column_sum(
    column: str, topic: int, row: Mapping[str, int] | None, page: Mapping[str, str], evidence: Evidence
) -> ColumnSum:
    if row is None:
        return ColumnSum(column=column, topic=topic, redis=None, verdict=GONE)
    redis = row.get(column, 0)
    return ColumnSum(column=column, topic=topic, redis=redis, verdict=_verdict(topic, redis, page, evidence))


def _verdict(topic: int, redis: int, page: Mapping[str, str], evidence: Evidence) -> str:
    return AGREES if topic == redis else why_differs(page, evidence)


def why_differs(page: Mapping[str, str], evidence: Evidence) -> str:
    """Why Redis holds something else of this page than the topic gives."""
    if not page:
        return "differs: the page expired in Redis, or was never counted"
    if evidence.cut:
        return "differs: the topic no longer holds what was counted first"
    if int(page.get("first_ms", "0")) > evidence.first_ms:
        return "differs: the page expired in Redis and began anew"
    return "differs: `twoway verify` compares every row"
