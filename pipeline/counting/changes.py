"""What a slice changed of a page, as Redis is to be told: absolute fields to set, fields to remove, entries to add."""

from __future__ import annotations

import msgspec

from pipeline.counting.live import LivePage
from pipeline.counting.members import compact_members, encode_members
from pipeline.counting.rows import COUNTS, RowTexts, reply_times, unpack
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS

_texts = RowTexts()


class Changes(msgspec.Struct):
    """`fields`: name, value, ...; `gone`: names; `blob` replaces the members when `whole`, else is appended to them;
    `links`: to append to the threads; `moved`: the page's newest event is another one; `actors`: who was engaged in the
    page's window `actors_in`; `engaged`: other window's number -> who was engaged in it."""

    fields: list[str]
    gone: list[str]
    blob: bytes | None = None
    whole: bool = False
    moved: bool = False
    links: bytes | None = None
    actors: list[str] | None = None
    engaged: dict[int, list[str]] | None = None


def take_changes(page: LivePage, windows: Windows) -> Changes:
    """The page's changes since the last call; afterwards it has none, and its changed rows are to be published."""
    changes = Changes([], [])
    fields, rows, names, texts = changes.fields, page.rows, windows.fields, _texts
    first_ms, last_ms, before = page.written
    changed = page.changed
    for code in changed:
        if code == ALL:
            continue
        row = rows.get(code)
        if row is None:
            changes.gone.append(names[code])
        else:
            fields += (names[code], texts[row])
    all_time = rows[ALL]
    if page.new:
        _whole(fields, page)
    elif all_time != before:
        _difference(fields, all_time, before)
    if page.last_ms != last_ms or page.new:  # a new page whose newest event is of 1970's first millisecond has one, too
        fields += ("last_ms", str(page.last_ms))
        changes.moved = True
    if page.first_ms != first_ms:
        fields += ("first_ms", str(page.first_ms))
    for name in page.polled_changed:
        fields += (f"polled:{name}", f"{page.polled[name].value},{page.polled[name].as_of_ms}")
    if page.appended:
        _members(page, changes)
    if page.threads is not None and page.threads.appended:
        changes.links = page.threads.take_appended()
    if page.labelled is not None and page.labelled.changed:
        fields += page.labelled.fields()
        page.labelled.changed = False
    if page.actors:
        engaged, page.engaged = page.engaged or None, {}
        changes.actors, page.actors = page.actors, []
        changes.engaged = engaged
    if page.dirty:
        page.dirty |= changed
    else:
        page.dirty = changed
    page.written = (page.first_ms, page.last_ms, all_time)
    page.changed, page.touched, page.new = {}, False, False
    if page.polled_changed:
        page.polled_changed = []
    return changes


def ratio_text(likes: int, comments: int) -> str:
    """Comments a like as a page shows it: six digits behind the point at the most, `null` without likes."""
    return str(round(comments / likes, 6)) if likes else "null"


def _whole(fields: list[str], page: LivePage) -> None:
    """All plain fields of a page that Redis does not have yet."""
    counts = unpack(page.rows[ALL])
    for name, count in zip(COLUMNS, counts, strict=True):
        fields += (name, str(count))
    fields += ("comment_to_like", ratio_text(counts[0], counts[1]))
    if times := reply_times(page.rows[ALL]):
        fields += _answers(times)
    if page.entity == "post":
        fields += ("account", page.account)


def _difference(fields: list[str], row: int, before: int) -> None:
    """The plain fields that differ from what was written last. Written out, for it runs for every page of a slice."""
    likes, comments, shares, replies, posts = unpack(row)
    old_likes, old_comments, old_shares, old_replies, old_posts = unpack(before)
    if likes != old_likes:
        fields += ("likes", str(likes))
    if comments != old_comments:
        fields += ("comments", str(comments))
    if likes != old_likes or comments != old_comments:
        fields += ("comment_to_like", ratio_text(likes, comments))
    if shares != old_shares:
        fields += ("shares", str(shares))
    if replies != old_replies:
        fields += ("replies", str(replies))
    if posts != old_posts:
        fields += ("posts", str(posts))
    if (row > COUNTS or before > COUNTS) and (times := reply_times(row)) != reply_times(before):
        fields += _answers(times)


def _answers(times: tuple[int, ...]) -> tuple[str, ...]:
    return ("answered", str(sum(times)), "reply_times", ",".join(map(str, times)) or "0")


def _members(page: LivePage, changes: Changes) -> None:
    """Append; or write the members anew when more than half of the entries in Redis are overwritten ones."""
    page.entries += len(page.appended) // 2
    if page.entries > 2 * len(page.members) + 16:
        changes.blob, changes.whole = compact_members(page.members), True
        page.entries = len(page.members) + 1
    else:
        changes.blob = encode_members(page.appended)
    page.appended = []
