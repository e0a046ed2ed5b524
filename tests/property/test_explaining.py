"""Whatever the log: what an explanation says stands is what the oracle counts, in every row of every page."""

from __future__ import annotations

from collections import Counter

from hypothesis import given

from pipeline.proving.expected import ExpectedPage, PageName
from pipeline.proving.oracle import Oracle
from pipeline.slots import slot_of
from pipeline.windows import ALL
from schemas.engagement import COLUMNS
from schemas.interaction import Interaction
from tests.explained import RECEIVED_MS, WINDOWS, LogRecord, explained, records_of, target_of
from tests.property.strategies import logs
from tests.property.test_fold import fold_in_batches, rows_of


def counted(log: list[Interaction]) -> dict[PageName, ExpectedPage]:
    """Every page of the log by the oracle."""
    oracle = Oracle(WINDOWS)
    for one in log:
        oracle.take_decoded(one, RECEIVED_MS, slot_of(one.platform, one.account))
    return dict(oracle.pages())


def standing(records: list[LogRecord], name: PageName, page: ExpectedPage, code: int) -> dict[str, int]:
    """What stands in a window of a page by the explanation; columns of nothing left out."""
    window = "all" if code == ALL else WINDOWS.field(code)
    account = name.id if page.account is None else page.account
    entity = "account" if name.entity == "account" else "post"
    counts = explained(target_of(entity, name.id, account, window), records, limit=3).counts["standing"]
    return {column: count for column, count in counts.items() if column in COLUMNS}


@given(logs())
def test_what_stands_is_the_row_of_every_window_and_page(log: list[Interaction]) -> None:
    """Also of windows past their retention, and of pages whose interactions came in any order, repeated and removed."""
    records, pages = records_of(log), counted(log)
    for name, page in pages.items():
        for code in page.rows:
            row = dict(zip(COLUMNS, page.rows[code], strict=False))
            assert standing(records, name, page, code) == {column: count for column, count in row.items() if count}


@given(logs())
def test_what_stands_is_what_the_fold_counts(log: list[Interaction]) -> None:
    """The rows that the worker writes, as far as they are kept."""
    records, pages = records_of(log), counted(log)
    for name, page in fold_in_batches(log, []).items():
        for code, counts in rows_of(page).items():
            row = {column: count for column, count in zip(COLUMNS, counts, strict=False) if count}
            assert standing(records, name, pages[name], code) == row


@given(logs())
def test_every_interaction_of_the_window_has_one_outcome(log: list[Interaction]) -> None:
    """Nothing is left out and nothing is said twice; every object that stands stands once."""
    records = records_of(log)
    for name, page in counted(log).items():
        if page.account is None:
            sorter = explained(target_of("account", name.id, name.id), records)
            mine = [one for one in log if one.account == name.id and one.kind != "totals"]
            assert sum(sum(columns.values()) for columns in sorter.counts.values()) == len(mine)
            decided = Counter((one.post, one.id) for one in sorter.listed() if one.outcome in {"standing", "removal"})
            assert set(decided.values()) <= {1}
            assert set(decided) == {(one.post, one.id) for one in mine}
