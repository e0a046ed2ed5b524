"""The page's columns: an id of the usual length has room for one line."""

from __future__ import annotations

import re
from pathlib import Path

STYLE = (Path(__file__).parents[2] / "pipeline" / "api" / "page.html").read_text(encoding="utf-8").split("</style>")[0]
#: What 19 digits take at 15 px with the cell's padding, in rem of 16 px.
DIGITS_REM = 11.4
TABLE_REM = 56.0


def widths(block: str) -> dict[int, float]:
    """Column -> width in rem as this block's rules leave it; a later rule wins."""
    found: dict[int, float] = {}
    for number, width in re.findall(r"th:nth-child\(([n+\d]+)\) \{ width: ([\d.]+)rem; \}", block):
        first = int(number.removeprefix("n+"))
        found |= dict.fromkeys(range(first, 10) if number.startswith("n+") else [first], float(width))
    return found


def test_the_account_of_a_comment_that_waits_stands_in_one_line() -> None:
    """Its column gives way to the comments otherwise, and breaks ids in the middle."""
    (least,) = re.findall(r"#waiting td:first-child \{ min-width: min\(([\d.]+)rem", STYLE)
    assert float(least) > DIGITS_REM + 3  # and the platform before it


def test_the_tables_leave_the_account_room_on_a_narrow_screen() -> None:
    """The other columns take less than the least width of the table leaves."""
    wide, narrow = STYLE.split("@media (max-width: 72rem)")
    columns = widths(wide) | widths(narrow.split("@media")[0])
    assert sorted(columns) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert TABLE_REM - sum(columns.values()) > DIGITS_REM
