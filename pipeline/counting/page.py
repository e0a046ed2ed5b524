"""A page: all rows of one post or account, and its form as a Redis hash.

Plain fields stand for all time: `likes comments shares replies posts comment_to_like first_ms last_ms`, and `account`
on a post's page. One field a window: `1m:2026-11-23T09:24` -> `likes,comments,shares,replies,posts`. Polled totals:
`polled:likes` -> `value,as_of_ms` (also comments, shares, followers). With answered comments `answered` and
`reply_times`; on a labelled post's page `labels` (JSON), `published_ms`, `labelled_ms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.counting.labelled import Labelled, parse_labelled
from pipeline.counting.rows import Counts, comment_to_like, conversation_share, decode_row, reply_times, unpack
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS, Source

POLLED = ("likes", "comments", "shares", "followers")


@dataclass(frozen=True)
class Polled:
    """A number that the platform itself gave when it was asked, and when."""

    value: int
    as_of_ms: int


@dataclass(frozen=True)
class PageView:
    """A page as a reader sees it. `rows`: window code -> counts, only windows still kept; ALL is always there."""

    entity: str
    platform: str
    id: str
    account: str
    rows: dict[int, Counts]
    polled: dict[str, Polled]
    first_ms: int | None
    as_of_ms: int
    #: Window code -> how many answered comments got their reply within each bucket; only where there are any.
    reply_times: dict[int, tuple[int, ...]] = field(default_factory=dict)
    labelled: Labelled | None = None

    @property
    def all_time(self) -> Counts:
        return self.rows[ALL]

    @property
    def comment_to_like(self) -> float | None:
        likes, comments, *_ = self.all_time
        return comment_to_like(likes, comments)

    @property
    def conversation_share(self) -> float | None:
        likes, comments, shares, *_ = self.all_time
        return conversation_share(likes, comments, shares)

    @property
    def source(self) -> Source:
        return source_of(any(self.all_time), bool(self.polled))


@dataclass
class PageParts:
    """A page's hash, taken apart: packed rows by code, polled totals, first and newest event time."""

    rows: dict[int, int] = field(default_factory=dict)
    polled: dict[str, Polled] = field(default_factory=dict)
    account: str = ""
    first_ms: int | None = None
    last_ms: int = 0
    labelled: Labelled | None = None


def source_of(counted: bool, polled: bool) -> Source:
    """Where a page's numbers come from."""
    if polled:
        return "both" if counted else "totals"
    return "events"


def parse_page(hash_: Mapping[str, str], windows: Windows) -> PageParts:
    """Take a page's hash apart. Fields that are not known (of a later version) are passed over."""
    parts = PageParts()
    for name, text in hash_.items():
        size, colon, _ = name.partition(":")
        if colon and size == "polled":
            value, as_of_ms = text.split(",")
            parts.polled[name[7:]] = Polled(int(value), int(as_of_ms))
        elif colon and (code := windows.code(name)) is not None:
            parts.rows[code] = decode_row(text)
    counts = [hash_.get(column, "0") for column in COLUMNS]
    if "reply_times" in hash_:
        counts += hash_.get("answered", "0"), hash_["reply_times"]
    parts.rows[ALL] = decode_row(",".join(filter(None, counts)))
    parts.labelled = parse_labelled(hash_.get("labels"), hash_.get("published_ms"), hash_.get("labelled_ms"))
    parts.account = hash_.get("account", "")
    parts.first_ms = int(hash_["first_ms"]) if "first_ms" in hash_ else None
    parts.last_ms = int(hash_.get("last_ms", 0))
    return parts


def view_page(entity: str, platform: str, entity_id: str, hash_: Mapping[str, str], windows: Windows) -> PageView:
    """A page's hash as a reader sees it: rows past their retention, not yet removed, are left out."""
    parts = parse_page(hash_, windows)
    kept = {code: row for code, row in parts.rows.items() if windows.is_kept(code, parts.last_ms)}
    return PageView(
        entity,
        platform,
        entity_id,
        account=entity_id if entity == "account" else parts.account,
        rows={code: unpack(row) for code, row in kept.items()},
        polled=parts.polled,
        first_ms=parts.first_ms,
        as_of_ms=parts.last_ms,
        reply_times={code: times for code, row in kept.items() if (times := reply_times(row))},
        labelled=parts.labelled,
    )
