"""The compiled page tells Redis, slice by slice, what a page of plain dictionaries would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from xxhash import xxh3_64_digest

from pipeline.counting.changes import take_changes
from pipeline.counting.fold import DAY_MS, Fold
from pipeline.counting.live import NEVER_MS, LivePage, Sizes, sum_up
from pipeline.counting.page import parse_page
from pipeline.counting.row_table import RowTable
from pipeline.counting.rows import unpack
from pipeline.windows import ALL, Windows
from tests.factories import NOON_MS, make_interaction

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
SIZES = Sizes(WINDOWS)
COLUMNS = ("likes", "comments", "shares", "replies", "posts")
#: Minutes before noon, some in rows that are past their retention once a newer event came.
MINUTES = (0, 1, 2, 100, 179, 180, 181, 600, 11_520, 20_000, 129_600, 200_000)

#: Of one slice: minutes before noon, column, and one more or one less; the newest event's minutes before noon.
Slice = tuple[list[tuple[int, int, int]], int]


class Plain:
    """What is expected: rows as lists, fields as a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[int, list[int]] = {ALL: [0] * 5}
        self.first_ms = NEVER_MS
        self.last_ms = 0
        self.hour = 0

    def take(self, counted: Iterable[tuple[int, int, int]], last_ms: int) -> None:
        self.last_ms = max(self.last_ms, last_ms)
        changes: dict[int, Counter[int]] = {}
        for time_ms, column, sign in counted:
            changes.setdefault(time_ms // 60_000 * 60_000, Counter())[column] += sign
        # A change of nothing is told as well: another owner may have told what it takes back.
        for time_ms, change in changes.items():
            self._change(time_ms, change)
        if self.last_ms // 3_600_000 != self.hour:
            self.hour = self.last_ms // 3_600_000
            self.rows = {code: row for code, row in self.rows.items() if WINDOWS.is_kept(code, self.last_ms)}

    def _change(self, time_ms: int, change: Counter[int]) -> None:
        for code in WINDOWS.codes(time_ms):
            if not WINDOWS.is_kept(code, self.last_ms):
                self.rows.pop(code, None)
                continue
            row = self.rows.setdefault(code, [0] * 5)
            for column, number in change.items():
                row[column] += number

    def fields(self, account: str) -> dict[str, str]:
        likes, comments, *_ = counts = self.rows[ALL]
        return {
            **{name: str(count) for name, count in zip(COLUMNS, counts, strict=True)},
            **{WINDOWS.field(code): ",".join(map(str, row)) for code, row in self.rows.items() if code != ALL},
            "comment_to_like": str(round(comments / likes, 6)) if likes else "null",
            "account": account,
            "last_ms": str(self.last_ms),
            **({} if self.first_ms == NEVER_MS else {"first_ms": str(self.first_ms)}),
        }


def taken(page: LivePage, hash_: dict[str, str]) -> dict[str, str]:
    """The hash in Redis after the page's changes; each field is told once."""
    changes = take_changes(page, WINDOWS)
    parts = msgspec.msgpack.decode(changes.fields) if changes.fields else []
    told = dict(zip(parts[::2], parts[1::2], strict=True))
    assert len(told) * 2 == len(parts)
    assert not told.keys() & set(changes.gone)
    return {name: text for name, text in (hash_ | told).items() if name not in changes.gone}


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.sampled_from(MINUTES), st.integers(0, 5), st.sampled_from([1, 1, 1, -1])), max_size=12
            ),
            st.sampled_from(MINUTES),
        ),
        max_size=6,
    ),
    st.booleans(),
)
@example([([(181, 0, 1)], 181), ([(0, 0, 1)], 0), ([(181, 0, -1)], 0)], False)
@example([([(0, 0, 1), (0, 0, -1)], 0)], True)
def test_what_a_page_tells_of_its_slices_is_what_it_holds(slices: list[Slice], reload: bool) -> None:
    """Also where rows go past their retention, come back as nothing, fall below 0 (which a set of objects cannot), or
    the page is loaded anew in between."""
    page, plain = new_page(), Plain()
    hash_: dict[str, str] = {}
    for counted, newest in slices:
        counts = []
        for minutes, column, sign in counted:
            if column < 5:
                counts.append((NOON_MS - minutes * 60_000, column, sign))
            page.count((NOON_MS - minutes * 60_000) // 60_000, column, sign)
            page.first_ms = plain.first_ms = min(page.first_ms, NOON_MS - minutes * 60_000)
        page.last_ms = max(page.last_ms, NOON_MS - newest * 60_000)
        sum_up([page], SIZES)
        plain.take(counts, NOON_MS - newest * 60_000)
        hash_ = taken(page, hash_)
        assert hash_ == plain.fields("a1")
        assert dict(parse_page(hash_, WINDOWS).rows) == dict(page.rows.items())
        assert take_changes(page, WINDOWS).fields == b""
        if reload:
            hour, page = page.pruned_hour, new_page()
            page.fill(parse_page(hash_, WINDOWS), None, None, exists=True)
            page.pruned_hour = hour


def new_page(entity: str = "post", id_: str = "p1") -> LivePage:
    page = LivePage(entity, "facebook", id_, 0, id_)
    page.account = "a1"
    return page


def test_a_count_that_is_below_nothing_for_a_slice_is_right_after_the_next() -> None:
    """Counts are added, whatever their sign; and a page that says less than nothing can be read."""
    page, hash_ = new_page(), dict[str, str]()
    page.last_ms = NOON_MS
    for sign in (-1, 1, 1):
        page.count(NOON_MS // 60_000, 0, sign)
        sum_up([page], SIZES)
        hash_ = taken(page, hash_)
        rows = parse_page(hash_, WINDOWS).rows
        assert (unpack(rows[ALL]), RowTable.of(rows)[ALL]) == ((int(hash_["likes"]), 0, 0, 0, 0), page.rows[ALL])
    assert (hash_["likes"], hash_["1m:2026-11-23T09:24"], hash_["1d:2026-11-23"]) == ("1", "1,0,0,0,0", "1,0,0,0,0")
    assert set(page.rows.values()) == {1}


def test_objects_that_move_from_minute_to_minute_stand_in_the_last_one() -> None:
    """Each replay of a like is dated a minute later: the account's and the post's rows agree."""
    fold, account, post = Fold(WINDOWS), new_page("account", "a1"), new_page()
    for minute in range(5):
        likes = [make_interaction(id=f"l{n}", time_ms=NOON_MS + minute * 60_000) for n in range(3)]
        fold.fold([(like, account, post) for like in likes])
        take_changes(post, WINDOWS)
        take_changes(account, WINDOWS)
    for page in (account, post):
        minutes = {code: row for code, row in page.rows.items() if code % 8 == 0}
        last = (NOON_MS + 240_000) // 60_000 * 8
        assert minutes == {**dict.fromkeys((last - 8 * n for n in range(1, 5)), 0), last: 3}
        assert page.rows[ALL] == 3
    assert (post.first_ms, post.last_ms, account.last_ms) == (NOON_MS, NOON_MS + 240_000, NOON_MS + 240_000)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-2, 2), st.sampled_from(["ann", "bob", "яé", ""])), max_size=30), max_size=5
    )
)
@example([[(0, "ann")], [(1, "ann"), (0, "bob")]])
@example([[(0, "ann")], [], [(0, "bob")]])
def test_who_was_engaged_is_told_once_and_of_his_window(slices: list[list[tuple[int, str]]]) -> None:
    """Actors of another day behind those of one ended the worker, and were told a second time."""
    page = new_page()
    for slice_ in slices:
        expected: dict[int, list[bytes]] = {}
        for window, actor in slice_:
            page.engage(NOON_MS // DAY_MS + window, actor)
            expected.setdefault(NOON_MS // DAY_MS + window, []).append(b"\xa8" + xxh3_64_digest(actor.encode())[::-1])
        told = {window: bytes(actors) for window, actors in page.take_engaged().items()}
        assert told == {window: b"".join(actors) for window, actors in expected.items()}
    assert page.take_engaged() == {}


def test_engaged_actors_that_were_taken_stay_as_they_were() -> None:
    """They may wait for Redis while the next slice is counted."""
    page = new_page()
    page.engage(1, "ann")
    taken_first = page.take_engaged()
    page.engage(1, "bob")
    page.engage(2, "bob")
    page.take_engaged()
    assert {window: len(actors) for window, actors in taken_first.items()} == {1: 9}


def test_fields_of_any_length_are_msgpack() -> None:
    """Up to the longest id, in other scripts, and the greatest number."""
    page = new_page()
    page.account = "я" * 1024
    page.first_ms = 0
    page.last_ms = 253_402_300_799_999
    extra: list[Any] = ["x" * 31, "y" * 32, "z" * 70_000, ""]
    fields, gone, moved = page.take_fields(WINDOWS.fields, {}, lambda likes, comments: "null", lambda times: (), extra)
    told = msgspec.msgpack.decode(fields)
    assert (gone, moved) == ([], True)
    assert told == [
        *(part for name in COLUMNS for part in (name, "0")), "comment_to_like", "null", "account", "я" * 1024,
        "last_ms", "253402300799999", "first_ms", "0", *extra,
    ]  # fmt: skip
