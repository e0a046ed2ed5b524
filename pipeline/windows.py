"""Tumbling windows in event time, UTC: pure arithmetic and the names that Redis shows.

A row's code is `index * SIZES_MAX + size number`: one small integer that names a window of a page, so that pages hold
dictionaries of integers only, which the garbage collector does not track. Code -1 is the row of all time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from pipeline.errors import SettingsError

UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZES_MAX = 8
ALL = -1
ALL_NAME = "all"
#: How a window's start is written, by the unit of its size.
_SHOWN = {"d": "%Y-%m-%d", "h": "%Y-%m-%dT%H", "m": "%Y-%m-%dT%H:%M", "s": "%Y-%m-%dT%H:%M:%S"}
#: Names of rows that are remembered.
_FIELDS_MOST = 65_536
_DURATION = re.compile(r"^([1-9][0-9]{0,5})([smhd])$")


@dataclass(frozen=True)
class Size:
    """A window size: its name (`1m`), its length, and how long its rows are kept after the page's newest event."""

    name: str
    length_ms: int
    kept_ms: int


@dataclass(frozen=True)
class Window:
    """One window: `[start_ms, end_ms)` of a size; both are None for the window of all time."""

    size: str
    start_ms: int | None
    end_ms: int | None


def parse_duration(text: str) -> int:
    """`5m` -> 300000 ms. Raises SettingsError for anything but a number and one of s, m, h, d."""
    found = _DURATION.match(text.strip())
    if not found:
        raise SettingsError(f"duration is {text!r}; expected a number and a unit such as '90s', '1m', '8d'")
    return int(found[1]) * UNIT_MS[found[2]]


def format_duration(duration_ms: int) -> str:
    """300000 ms -> `5m`: in the longest unit that it is a whole number of."""
    unit = max((unit for unit in UNIT_MS if duration_ms % UNIT_MS[unit] == 0), key=UNIT_MS.__getitem__)
    return f"{duration_ms // UNIT_MS[unit]}{unit}"


class Windows:
    """The window sizes in force, and how a moment falls into them."""

    def __init__(self, sizes: tuple[Size, ...]) -> None:
        if not 1 <= len(sizes) <= SIZES_MAX:
            raise SettingsError(f"{len(sizes)} window sizes; expected 1 to {SIZES_MAX}")
        if any(b.kept_ms < a.kept_ms for a, b in pairwise(sizes)):
            raise SettingsError("window sizes are kept for shorter the longer they are; expected the other way round")
        if any(b.length_ms % a.length_ms for a, b in pairwise(sizes)):
            names = ",".join(size.name for size in sizes)
            raise SettingsError(f"window sizes are {names}; expected each to be a multiple of the one before")
        self.sizes = sizes
        self.finest_ms = sizes[0].length_ms
        #: Code -> the row's field name, remembered.
        self.fields = _Fields(self)

    @classmethod
    def parse(cls, text: str, variable: str = "TWOWAY_WINDOWS") -> Windows:
        """`1m:3h,1h:8d,1d:90d` -> sizes with their retention. Raises SettingsError."""
        sizes = []
        for part in text.split(","):
            name, colon, kept = part.strip().partition(":")
            if not colon:
                raise SettingsError(f"{variable} is {text!r}; expected pairs such as '1m:3h,1h:8d,1d:90d'")
            sizes.append(Size(name, parse_duration(name), parse_duration(kept)))
        if any(s.kept_ms < s.length_ms for s in sizes):
            raise SettingsError(f"{variable} is {text!r}; expected each kept at least for its own length")
        return cls(tuple(sizes))

    @property
    def text(self) -> str:
        """As `parse` reads them: one text for the same sizes and times."""
        return ",".join(f"{size.name}:{format_duration(size.kept_ms)}" for size in self.sizes)

    def keeps_no_more_than(self, former: Windows) -> bool:
        """Whether every row that these windows keep was kept by the former ones: the same sizes, none for longer."""
        return [size.name for size in self.sizes] == [size.name for size in former.sizes] and all(
            size.kept_ms <= before.kept_ms for size, before in zip(self.sizes, former.sizes, strict=True)
        )

    def codes(self, time_ms: int) -> tuple[int, ...]:
        """The codes of the rows that a moment falls into, finest first, the row of all time last."""
        return (*(time_ms // s.length_ms * SIZES_MAX + i for i, s in enumerate(self.sizes)), ALL)

    def window(self, code: int) -> Window:
        """The window that a code names."""
        if code == ALL:
            return Window(ALL_NAME, None, None)
        size = self.sizes[code % SIZES_MAX]
        start_ms = code // SIZES_MAX * size.length_ms
        return Window(size.name, start_ms, start_ms + size.length_ms)

    def end_ms(self, code: int) -> int:
        """The end of the window, Unix ms, exclusive."""
        return (code // SIZES_MAX + 1) * self.sizes[code % SIZES_MAX].length_ms

    def is_kept(self, code: int, last_ms: int) -> bool:
        """Whether a page whose newest event is at `last_ms` still keeps this row."""
        return code == ALL or self.end_ms(code) > last_ms - self.sizes[code % SIZES_MAX].kept_ms

    def field(self, code: int) -> str:
        """The name of the row in a page's hash: `1m:2026-11-23T09:24`, `1h:2026-11-23T09`, `1d:2026-11-23`."""
        return self.fields[code]

    def code(self, field: str) -> int | None:
        """The code of a field's name, None for fields that name no window of these sizes."""
        name, colon, start = field.partition(":")
        if not colon:
            return None
        for number, size in enumerate(self.sizes):
            if size.name == name:
                moment = datetime.fromisoformat(start if len(start) != 13 else start + ":00").replace(tzinfo=UTC)
                return int(moment.timestamp()) * 1000 // size.length_ms * SIZES_MAX + number
        return None


class _Fields(dict[int, str]):
    """Names of rows, made once each: thousands of pages share a minute."""

    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self.windows = windows

    def __missing__(self, code: int) -> str:
        if len(self) > _FIELDS_MOST:
            self.clear()
        size = self.windows.sizes[code % SIZES_MAX]
        moment = datetime.fromtimestamp(code // SIZES_MAX * size.length_ms / 1000, UTC)
        name = self[code] = f"{size.name}:{moment.strftime(_SHOWN[size.name[-1]])}"
        return name
