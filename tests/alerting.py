"""Pages for the rules: rows of hours written out, without servers."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.alerting.history import History
from pipeline.counting.live import LivePage
from pipeline.counting.rows import pack
from pipeline.settings import Settings
from pipeline.windows import ALL, SIZES_MAX
from tests.factories import NOON_MS

HOUR_MS = 3_600_000
#: The number of the hour that the tests look at; the hours before it are its past.
HOUR = NOON_MS // HOUR_MS
#: A window of the size `1h` is the second of the default sizes.
SIZE = 1
#: The queue's or a window's grace is a minute.
GRACE_MS = 60_000
SETTINGS = Settings()

#: Likes, comments, shares of an hour.
Hours = Mapping[int, tuple[int, int, int]]


def make_page(hours: Hours, *, entity: str = "account", platform: str = "facebook") -> LivePage:
    """A page with these hours (0 is HOUR, -1 the one before), and all time as their sum."""
    page = LivePage(entity, platform, "a1" if entity == "account" else "p1", 0, "")
    page.account = "a1"
    rows = {(HOUR + hour) * SIZES_MAX + SIZE: pack((*counts, 0, 0)) for hour, counts in hours.items()}
    page.rows = {ALL: sum(rows.values()), **rows}
    page.first_ms, page.last_ms = (HOUR + min(hours)) * HOUR_MS, (HOUR + max(hours) + 1) * HOUR_MS - 1
    page.loaded = True
    return page


def make_history(hours: Hours, settings: Settings = SETTINGS) -> History:
    """What the rules see of such a page."""
    return History(make_page(hours), settings)


def closes_ms(hour: int) -> int:
    """The watermark at which an hour closes."""
    return (HOUR + hour + 1) * HOUR_MS + GRACE_MS
