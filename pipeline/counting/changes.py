"""What a slice changed of a page, as Redis is to be told: absolute fields to set, fields to remove, entries to add."""

from __future__ import annotations

import msgspec

from pipeline.counting.live import LivePage
from pipeline.counting.rows import RowTexts
from pipeline.windows import Windows

_texts = RowTexts()


class Changes(msgspec.Struct):
    """`fields`: a msgpack array of name, value, ...; `gone`: names; `moved`: the page's newest event is another one;
    `begins`: nothing of the page was in Redis; `blob` replaces the members when `whole` (the first of the page, or
    written anew), else is appended to them; `links`, in the same way, the threads; `engaged`: as
    `LivePage.take_engaged` gives it."""

    fields: bytes
    gone: list[str]
    moved: bool
    begins: bool = False
    blob: bytes | None = None
    whole: bool = False
    links: bytes | None = None
    whole_links: bool = False
    engaged: dict[int, bytes] | None = None


def take_changes(page: LivePage, windows: Windows) -> Changes:
    """The page's changes since the last call; afterwards it has none, and its changed rows are to be published."""
    extra = []
    for name in page.polled_changed:
        extra += [f"polled:{name}", f"{page.polled[name].value},{page.polled[name].as_of_ms}"]
    if page.polled_changed:
        page.polled_changed = []
    if page.labelled is not None and page.labelled.changed:
        extra += page.labelled.fields()
        page.labelled.changed = False
    begins = page.new
    changes = Changes(*page.take_fields(windows.fields, _texts, ratio_text, _answers, extra), begins=begins)
    if page.members.appended:
        _members(page, changes)
    if page.threads is not None and page.threads.appended:
        changes.whole_links = not page.threads.stored
        changes.links = page.threads.take_appended()
    changes.engaged = page.take_engaged()
    return changes


def ratio_text(likes: int, comments: int) -> str:
    """Comments a like as a page shows it: six digits behind the point at the most, `null` without likes."""
    return str(round(comments / likes, 6)) if likes else "null"


def _answers(times: tuple[int, ...]) -> tuple[str, ...]:
    return ("answered", str(sum(times)), "reply_times", ",".join(map(str, times)) or "0")


def _members(page: LivePage, changes: Changes) -> None:
    """Append; or write the members anew when more than half of the entries in Redis are overwritten ones, and when they
    are the first: what lies under their key without being the page's is not."""
    members = page.members
    changes.whole = not page.entries
    page.entries += members.appended
    changes.blob = members.take_appended()
    if page.entries > 2 * len(members) + 16:
        changes.blob, changes.whole = members.compacted(), True
        page.entries = len(members) + 1
