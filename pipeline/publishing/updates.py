"""Rows of live pages as records of `engagement.posts` and `engagement.accounts`.

The JSON is put together by hand: a page's and a window's part are the same for many rows, and an Engagement object with
17 fields costs three times the text. A contract test holds it against `schemas.engagement`.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from pipeline.counting.live import LivePage
from pipeline.counting.page import source_of
from pipeline.counting.rows import reply_quantile_ms, reply_times, unpack
from pipeline.publishing.record_batch import Batches
from pipeline.publishing.row_records import RowRecords
from pipeline.windows import ALL, Windows
from schemas.engagement import engagement_key

_END = b'%d,"final":%b,"as_of_ms":%d,"source":"%b"}'
_COUNTS = (
    b'"likes":%d,"comments":%d,"shares":%d,"replies":%d,"posts":%d,'
    b'"comment_to_like":%a,"conversation_share":%a,%b"revision":'
)
#: Only of rows with comments: where nobody commented readers take the schema's defaults (most rows are such).
_UNANSWERED = b'"answered":0,"reply_rate":0.0,"reply_times":[],"reply_median_ms":null,"reply_p90_ms":null,'
_ANSWERED = b'"answered":%d,"reply_rate":%a,"reply_times":%b,"reply_median_ms":%d,"reply_p90_ms":%d,'
#: Windows whose parts are remembered.
_WINDOWS_MOST = 65_536
#: Rows whose counts are remembered: most windows hold one of a few small rows, and a look-up is a tenth of the making.
_ROWS_MOST = 50_000


def revision(version: int, *, final: bool) -> int:
    """Grows with the slot's version, and once more when the window closes: a final row beats an open one as old."""
    return 2 * version + final


class Updates:
    """Writes records of rows."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self._parts: dict[int, tuple[bytes, bytes]] = {}
        self._records = RowRecords(_UNANSWERED, _AnsweredCounts(), self._parts, self._window_parts)

    def of_page(self, page: LivePage, codes: Iterable[int], version: int, closed: set[int], out: Batches) -> None:
        """Each of these rows that the page still keeps; `closed` are final."""
        head, key = page.told or self._told(page)
        rows, source = page.rows, source_of(page.rows[ALL] != 0, bool(page.polled)).encode()
        still_open = _END % (revision(version, final=False), b"false", page.last_ms, source)
        final = _END % (revision(version, final=True), b"true", page.last_ms, source)
        self._records.of_page(rows, codes, closed, key, head, still_open, final, out)

    @staticmethod
    def _told(page: LivePage) -> tuple[bytes, bytes]:
        """What all records of a page share: the beginning of the value and of the key."""
        names = orjson.dumps({"entity": page.entity, "platform": page.platform, "account": page.account, "id": page.id})
        page.told = (names[:-1] + b",", f"{page.platform}:{page.id}".encode())
        return page.told

    def _window_parts(self, code: int) -> tuple[bytes, bytes]:
        """What all rows of a window share: the end of the key, the window's fields."""
        if len(self._parts) > _WINDOWS_MOST:
            self._parts.clear()
        window = self.windows.window(code)
        fields = orjson.dumps({"window": window.size, "start_ms": window.start_ms, "end_ms": window.end_ms})
        key = engagement_key("", "", window.size, window.start_ms).encode()[1:]
        parts = self._parts[code] = (key, fields[1:-1] + b",")
        return parts


class _AnsweredCounts(dict[int, bytes]):
    """Packed row with answered comments -> what its record says of it."""

    def __missing__(self, row: int) -> bytes:
        if len(self) > _ROWS_MOST:
            self.clear()
        likes, comments, shares, replies, posts = unpack(row)
        total = likes + comments + shares
        body = self[row] = _COUNTS % (
            likes, comments, shares, replies, posts,
            comments / likes if likes else _NULL, comments / total if total else _NULL,
            _answers(row, comments),
        )  # fmt: skip
        return body


def _answers(row: int, comments: int) -> bytes:
    """What a row with answered comments says of them. Without its comments (a row that lingers) there is no rate."""
    times = reply_times(row)
    answered = sum(times)
    return _ANSWERED % (
        answered, answered / comments if comments else _NULL, orjson.dumps(times),
        reply_quantile_ms(times, 0.5) or 0, reply_quantile_ms(times, 0.9) or 0,
    )  # fmt: skip


class _Null:
    def __repr__(self) -> str:
        return "null"


#: Shown by %a as JSON's null; a float by its shortest repr, which is JSON too.
_NULL = _Null()
