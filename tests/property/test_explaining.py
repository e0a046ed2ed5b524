"""Whatever the log: what an explanation says stands is what the oracle counts, in every row of every page."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given

from pipeline.explaining.gate import Target
from pipeline.explaining.replies import is_standing_comment
from pipeline.explaining.verdicts import Evidence
from pipeline.proving.expected import ExpectedPage, PageName
from pipeline.proving.oracle import Oracle
from pipeline.slots import slot_of
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS
from schemas.interaction import Interaction
from tests.explained import (
    RECEIVED_MS,
    WINDOWS,
    LogRecord,
    besides,
    explained,
    explained_with_answers,
    records_of,
    target_of,
)
from tests.property.strategies import logs
from tests.property.test_fold import fold_in_batches, rows_of, without_zeros

WHOLE = Evidence(cut=False, first_ms=0)


def counted(log: list[Interaction]) -> dict[PageName, ExpectedPage]:
    """Every page of the log by the oracle."""
    oracle = Oracle(WINDOWS)
    for one in log:
        oracle.take_decoded(one, RECEIVED_MS, slot_of(one.platform, one.account))
    return dict(oracle.pages())


def target_in(name: PageName, page: ExpectedPage, code: int) -> Target:
    """A window of a page."""
    window = "all" if code == ALL else WINDOWS.field(code)
    account = name.id if page.account is None else page.account
    return target_of("account" if name.entity == "account" else "post", name.id, account, window)


def standing(records: list[LogRecord], target: Target) -> dict[str, int]:
    """What stands in a window of a page by the explanation; columns of nothing left out."""
    counts = explained(target, records, limit=3).counts["standing"]
    return {column: count for column, count in counts.items() if column in COLUMNS}


@given(logs())
def test_what_stands_is_the_row_of_every_window_and_page(log: list[Interaction]) -> None:
    """Also of windows past their retention, and of pages whose interactions came in any order, repeated and removed."""
    records, pages = records_of(log), counted(log)
    for name, page in pages.items():
        for code in page.rows:
            row = dict(zip(COLUMNS, page.rows[code], strict=False))
            assert standing(records, target_in(name, page, code)) == {
                column: count for column, count in row.items() if count
            }


@given(logs())
def test_what_stands_is_what_the_fold_counts(log: list[Interaction]) -> None:
    """The rows that the worker writes, as far as they are kept."""
    records, pages = records_of(log), counted(log)
    for name, page in fold_in_batches(log, []).items():
        for code, counts in rows_of(page).items():
            row = {column: count for column, count in zip(COLUMNS, counts, strict=False) if count}
            assert standing(records, target_in(name, pages[name], code)) == row


@given(logs())
def test_what_is_answered_is_what_the_oracle_and_the_fold_count(log: list[Interaction]) -> None:
    """In every window of every page; what waits for all time of an account is what the oracle lets wait."""
    records, folded = records_of(log), fold_in_batches(log, [])
    for name, page in counted(log).items():
        kept = rows_of(folded[name])
        for code in page.rows:
            sorter, answers = explained_with_answers(target_in(name, page, code), records)
            assert answers.count == sum(page.times.get(code, ()))
            assert answers.times == without_zeros(page.times.get(code, ()))
            assert code not in kept or answers.count == sum(kept[code][len(COLUMNS) :])
            comments = [one for one in answers.beside(sorter.listed()) if is_standing_comment(one)]
            assert sum(one.answered_by is not None for one in comments) == answers.count
            if code == ALL and page.account is None:
                waiting = {(one.post, one.id): one.time_ms for one in comments if one.answered_by is None}
                assert waiting == page.waiting


@given(logs())
def test_who_was_engaged_and_what_was_polled_is_what_the_oracle_counts(log: list[Interaction]) -> None:
    """Of every page for all time, and of accounts in every day: Redis' numbers, were they the oracle's, agree."""
    records, days = records_of(log), Windows.parse("1d:90d")
    for name, page in counted(log).items():
        target = target_in(name, page, ALL)
        engaged, polled = besides(target, records)
        hash_ = {f"polled:{number}": f"{value},{at_ms}" for number, (value, at_ms) in page.polled.items()}
        hash_ |= {"last_ms": str(page.last_ms), f"engaged {ALL}": str(page.engaged.get(ALL, 0))}
        found = engaged.beside(hash_, ALL, days, WHOLE)
        assert (found.topic, found.verdict) == (page.engaged.get(ALL, 0), "agrees")
        sums = {one.number: one for one in polled.beside(hash_, name.platform, name.id, WINDOWS, WHOLE)}
        assert {n: (one.topic, one.topic_as_of_ms) for n, one in sums.items()} == page.polled
        assert all(one.verdict == "agrees" for one in sums.values())
        if page.account is None:
            for code, number in page.engaged.items():
                in_day, _ = besides(replace(target, window=days.window(code)), records)
                assert in_day.beside({"last_ms": "0"}, code, days, WHOLE).topic == number


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
