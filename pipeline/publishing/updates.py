"""Rows of live pages as records of `engagement.posts` and `engagement.accounts`."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.counting.live import LivePage
from pipeline.counting.page import source_of
from pipeline.counting.rows import comment_to_like, conversation_share, unpack
from pipeline.windows import ALL, Windows
from schemas.engagement import Engagement, encode_engagement, engagement_key


def revision(version: int, *, final: bool) -> int:
    """Grows with the slot's version, and once more when the window closes: a final row beats an open one as old."""
    return 2 * version + final


def updates(
    page: LivePage, codes: Iterable[int], version: int, closed: set[int], windows: Windows
) -> list[tuple[bytes, bytes]]:
    """Key and value of each of these rows that the page still keeps."""
    records = []
    all_time = page.rows[ALL]
    source = source_of(all_time != 0, bool(page.polled))
    for code in codes:
        row = page.rows.get(code)
        if row is None:
            continue
        likes, comments, shares, replies, posts = unpack(row)
        window = windows.window(code)
        final = code in closed
        update = Engagement(
            entity="post" if page.entity == "post" else "account",
            platform=page.platform,
            account=page.account,
            id=page.id,
            window=window.size,
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            likes=likes,
            comments=comments,
            shares=shares,
            replies=replies,
            posts=posts,
            comment_to_like=comment_to_like(likes, comments),
            conversation_share=conversation_share(likes, comments, shares),
            revision=revision(version, final=final),
            final=final,
            as_of_ms=page.last_ms,
            source=source,
        )
        key = engagement_key(page.platform, page.id, window.size, window.start_ms)
        records.append((key.encode(), encode_engagement(update)))
    return records
