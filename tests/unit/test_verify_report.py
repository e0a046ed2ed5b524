"""What `twoway verify` prints."""

from __future__ import annotations

import io

from rich.console import Console

from pipeline.cli.verify import as_dict, exit_code, print_report
from pipeline.proving.compare import Difference
from pipeline.proving.expected import PageName
from pipeline.proving.verify import Report

WRONG = Report(
    interactions=12_000,
    rejected={"schema": 3},
    pages_compared=7,
    rows_compared=40,
    rows_different=1,
    differences=[Difference(PageName(7, "post", "x", "[red]\x1b[2Jp1"), "all", "2,1,0,0,0", "3,1,0,0,0")],
)


def printed(report: Report) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    print_report(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_numbers_and_differences_are_listed() -> None:
    text = printed(WRONG)
    assert "12,000" in text
    assert "rejected: schema" in text
    assert "2,1,0,0,0" in text
    assert "3,1,0,0,0" in text


def test_ids_reach_the_terminal_escaped() -> None:
    """Neither a control character nor markup of an id takes effect."""
    assert "x:[red]\\x1b[2Jp1" in printed(WRONG)


def test_report_holds_only_without_differences_with_every_page_seen_and_everything_counted() -> None:
    assert not WRONG.holds
    assert not Report(unsettled=1).holds
    assert not Report(interactions=1, not_applied=5).holds
    assert as_dict(Report(interactions=1))["holds"] is True


def test_what_is_not_counted_is_neither_right_nor_wrong() -> None:
    """Workers that are dead, before a Redis that was emptied, left no row to compare: that proves nothing, and a wrong
    row is wrong whatever is not counted."""
    nothing = Report(interactions=0, not_applied=12_000)
    assert [exit_code(report) for report in (Report(interactions=1), WRONG, nothing)] == [0, 1, 3]
    assert [exit_code(Report(not_applied=1, **wrong)) for wrong in ({"rows_different": 1}, {"unsettled": 1})] == [1, 1]
    assert as_dict(nothing)["holds"] is False
    assert "not proven: the workers have not counted 12,000 interactions" in printed(nothing)
    assert "not proven" not in printed(WRONG)
