"""What a slice changed of a page, as Redis is to be told: absolute fields to set, fields to remove, entries to add."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.counting.live import LivePage
from pipeline.counting.members import compact_members, encode_members
from pipeline.counting.rows import MASK, encode_row
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS


@dataclass(slots=True)
class Changes:
    """`fields`: name, value, ...; `gone`: names; `blob` replaces the members when `whole`, else is appended to them;
    `moved`: the page's newest event is another one."""

    fields: list[str]
    gone: list[str]
    blob: bytes | None = None
    whole: bool = False
    moved: bool = False


def take_changes(page: LivePage, windows: Windows) -> Changes:
    """The page's changes since the last call; afterwards it has none, and its changed rows are to be published."""
    changes = Changes([], [])
    fields, rows = changes.fields, page.rows
    first_ms, last_ms, before = page.written
    for code in page.changed:
        if code == ALL:
            continue
        row = rows.get(code)
        if row is None:
            changes.gone.append(windows.field(code))
        else:
            fields += (windows.field(code), encode_row(row))
    if rows[ALL] != before or page.new:
        _all_time(fields, rows[ALL], before, new=page.new)
        if page.new and page.entity == "post":
            fields += ("account", page.account)
    if page.last_ms != last_ms:
        fields += ("last_ms", str(page.last_ms))
        changes.moved = True
    if page.first_ms != first_ms:
        fields += ("first_ms", str(page.first_ms))
    for name in page.polled_changed:
        fields += (f"polled:{name}", f"{page.polled[name].value},{page.polled[name].as_of_ms}")
    if page.appended:
        _members(page, changes)
    page.dirty.update(page.changed)
    page.written = (page.first_ms, page.last_ms, rows[ALL])
    page.changed, page.touched, page.new, page.polled_changed = {}, False, False, []
    return changes


def ratio_text(likes: int, comments: int) -> str:
    """Comments a like as a page shows it: six digits behind the point at the most, `null` without likes."""
    return str(round(comments / likes, 6)) if likes else "null"


def _all_time(fields: list[str], row: int, before: int, *, new: bool) -> None:
    """The plain fields that differ from what was written last."""
    differs = row ^ before
    for k, name in enumerate(COLUMNS):
        if new or differs >> 40 * k & MASK:
            fields += (name, str(row >> 40 * k & MASK))
    if new or differs & (MASK | MASK << 40):
        fields += ("comment_to_like", ratio_text(row & MASK, row >> 40 & MASK))


def _members(page: LivePage, changes: Changes) -> None:
    """Append; or write the members anew when more than half of the entries in Redis are overwritten ones."""
    page.entries += len(page.appended) // 2
    if page.entries > 2 * len(page.members) + 16:
        changes.blob, changes.whole = compact_members(page.members), True
        page.entries = len(page.members) + 1
    else:
        changes.blob = encode_members(page.appended)
    page.appended = []
