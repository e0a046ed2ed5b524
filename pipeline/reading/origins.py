"""Where each number comes from: counted, or the platform's own total; and how far apart the two are. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from pipeline.counting.page import PageView
from schemas.interaction import Count, TimeMs
from schemas.platforms import NUMBERS, Number, delivers, is_polled

NumberSource = Literal["events", "totals"]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One number: its value, where it comes from, and as of when.

    `source`: `events`; `totals` where the platform's events cannot deliver the number and it was polled; null where
    they cannot and it was not: then it is unknown, and `value` is 0. `drift` = counted - polled, and `drift_share` that
    by what was polled (null when that is 0); both null where only one of the two is known.
    """

    value: Count
    source: NumberSource | None
    as_of_ms: TimeMs | None
    counted: Count
    polled: Count | None
    polled_as_of_ms: TimeMs | None
    drift: int | None
    drift_share: float | None


def origins_of(page: PageView) -> dict[Number, Origin]:
    """The origin of each number that an audience makes."""
    likes, comments, shares, *_ = page.all_time
    counted: dict[Number, int] = dict(zip(NUMBERS, (likes, comments, shares), strict=True))
    return {number: _origin(page, number, counted[number]) for number in NUMBERS}


def untold(page: PageView) -> list[Number]:
    """The numbers of which the page's windows know nothing: only events belong to a window, and none can come."""
    return [number for number, found in origins_of(page).items() if found.source != "events" and not found.counted]


def _origin(page: PageView, number: Number, counted: int) -> Origin:
    total = page.polled.get(number)
    value, as_of_ms = counted, page.as_of_ms
    source: NumberSource | None = "events"
    drift = None if total is None else counted - total.value
    if is_polled(page.platform, number, counted):
        if total is not None:
            value, as_of_ms, source = total.value, total.as_of_ms, "totals"
        elif not counted and not delivers(page.platform, number):
            source = None
        drift = drift if counted else None
    return Origin(
        value=value,
        source=source,
        as_of_ms=as_of_ms if source else None,
        counted=counted,
        polled=total.value if total else None,
        polled_as_of_ms=total.as_of_ms if total else None,
        drift=drift,
        drift_share=drift / total.value if total and total.value and drift is not None else None,
    )
