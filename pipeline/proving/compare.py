"""Holds a page's hash in Redis against the oracle's page.

Every window's row, the row of all time, and each other field is one row of the report. A row past its retention may
still be there: then it must be right; or be gone. A row whose counts are all 0 may be absent. Fields that the layout
does not name are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.proving.oracle import Counts, ExpectedPage, PageName
from pipeline.windows import ALL, ALL_NAME, Windows
from schemas.engagement import COLUMNS

ABSENT = "absent"
_ZEROS = ",".join("0" for _ in COLUMNS)


@dataclass(frozen=True)
class Difference:
    """One row that is not as it must be."""

    page: PageName
    row: str
    expected: str
    found: str


def compare_page(
    name: PageName, expected: ExpectedPage, found: Mapping[str, str], windows: Windows
) -> tuple[int, list[Difference]]:
    """Rows compared, and those that differ."""
    compared, differences = 0, []
    for row, must, has in (*_count_rows(expected, found, windows), *_facts(expected, found)):
        compared += 1
        if must != has:
            differences.append(Difference(name, row, must, has))
    return compared, differences


def unknown_page(name: PageName, found: Mapping[str, str]) -> Difference:
    """A page in Redis of which the topic holds no event."""
    counts = ",".join(found.get(column, "0") for column in COLUMNS)
    return Difference(name, "page", ABSENT, counts)


def _count_rows(expected: ExpectedPage, found: Mapping[str, str], windows: Windows) -> Iterator[tuple[str, str, str]]:
    yield ALL_NAME, _text(expected.rows[ALL]), ",".join(found.get(column, "0") for column in COLUMNS)
    seen: set[str] = set()
    for code, counts in expected.rows.items():
        if code == ALL:
            continue
        field = windows.field(code)
        seen.add(field)
        if field in found or windows.is_kept(code, expected.last_ms):
            yield field, _text(counts), _first_columns(found.get(field, _ZEROS))
    for field, text in found.items():
        if field not in seen and _names_window(field, windows):
            yield field, _ZEROS, _first_columns(text)


def _facts(expected: ExpectedPage, found: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    yield "first_ms", str(expected.first_ms), found.get("first_ms", ABSENT)
    yield "last_ms", str(expected.last_ms), found.get("last_ms", ABSENT)
    if expected.account is not None:
        yield "account", expected.account, found.get("account", ABSENT)
    yield "comment_to_like", _ratio(expected.rows[ALL]), _canonical_ratio(found.get("comment_to_like", "null"))
    numbers = {f"polled:{number}": f"{value},{time_ms}" for number, (value, time_ms) in expected.polled.items()}
    for field, must in numbers.items():
        yield field, must, found.get(field, ABSENT)
    for field, has in found.items():
        if field.startswith("polled:") and field not in numbers:
            yield field, ABSENT, has


def _names_window(field: str, windows: Windows) -> bool:
    """Whether the field looks like a window's row; one whose start cannot be read is a row that must not be."""
    try:
        return windows.code(field) is not None
    except ValueError:
        return True


def _text(counts: Counts) -> str:
    return ",".join(map(str, counts))


def _first_columns(text: str) -> str:
    """The columns that are compared: later versions may append more."""
    parts = text.split(",")[: len(COLUMNS)]
    return ",".join([*parts, *["0"] * (len(COLUMNS) - len(parts))])


def _ratio(counts: Counts) -> str:
    likes, comments, *_ = counts
    return repr(round(comments / likes, 6)) if likes else "null"


def _canonical_ratio(text: str) -> str:
    """A ratio's text in Python's shortest form (1e-6 and 1e-06 are the same number); other text as it stands."""
    try:
        return repr(float(text))
    except ValueError:
        return text
