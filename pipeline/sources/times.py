"""Times as platforms write them -> Unix milliseconds, None where there is no usable time. Below 1 ms is cut off."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from schemas.interaction import LAST_TIME_MS

#: `Mon Mar 26 16:33:26 +0000 2018`, the form of X v1.1.
X_FORM = "%a %b %d %H:%M:%S %z %Y"
#: Seconds beyond this are the year 5138: the number is meant as milliseconds.
_SECONDS_END = 100_000_000_000
#: Beyond any time, and int() of a longer text would cost more than it says.
LONGEST_DIGITS = 20
#: The longest form has 29 characters; the reader of it is lenient, and this is its limit.
LONGEST_HTTP_DATE = 64
#: The forms of ISO 8601 and of X have some thirty.
LONGEST_TEXT = 64
#: A leap second, as RFC 3339 (5.7) and RFC 9110 (5.6.7) write it.
_LEAP = re.compile(r"(:59:)60(?!\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_seconds(value: Any) -> int | None:
    """Unix seconds, as number or digits. Numbers too large for seconds are read as milliseconds (Meta mixes both)."""
    number = _number(value)
    if number is None:
        return None
    return _in_range(int(number) if number >= _SECONDS_END else int(number * 1000))


def from_milliseconds(value: Any) -> int | None:
    """Unix milliseconds, as number or digits."""
    number = _number(value)
    return None if number is None else _in_range(int(number))


def from_iso(value: Any) -> int | None:
    """ISO 8601, `Z` or an offset; without one, or with the ` UTC` that GitLab writes, it is UTC."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    return _read(value.removesuffix(" UTC"), datetime.fromisoformat)


def from_x(value: Any) -> int | None:
    """`Mon Mar 26 16:33:26 +0000 2018`."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    return _read(value, lambda text: datetime.strptime(text, X_FORM))


def from_http_date(value: Any) -> int | None:
    """`Fri, 24 Jul 2026 10:07:18 GMT`, the form of the header Date."""
    if not isinstance(value, str) or len(value) > LONGEST_HTTP_DATE:
        return None
    return _read(value, parsedate_to_datetime)


def _read(value: str, reader: Callable[[str], datetime]) -> int | None:
    """What the reader makes of it. `datetime` knows no leap second, and Unix time counts it as the second after it."""
    text, leaps = _LEAP.subn(r"\g<1>59", value, count=1)
    try:
        moment = reader(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    passed = moment - _EPOCH
    return _in_range(passed.days * 86_400_000 + (passed.seconds + leaps) * 1000 + passed.microseconds // 1000)


def _number(value: Any) -> int | float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST_DIGITS:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_TIME_MS:
        return value
    return None


def _in_range(time_ms: int) -> int | None:
    return time_ms if 0 <= time_ms <= LAST_TIME_MS else None
