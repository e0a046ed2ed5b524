"""Whatever the order, the repeats and the batches: the fold's rows are the oracle's."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.counting.changes import take_changes
from pipeline.counting.comments import waits_ms
from pipeline.counting.fold import Fold, Placed
from pipeline.counting.live import LivePage
from pipeline.counting.members import hash_id
from pipeline.counting.rows import reply_times, unpack
from pipeline.proving.expected import ExpectedPage, PageName
from pipeline.proving.oracle import Oracle
from pipeline.slots import slot_of
from pipeline.windows import Windows
from schemas.interaction import Interaction
from tests.driver import RECEIVED_MS
from tests.factories import NOON_MS, make_interaction
from tests.property.strategies import logs

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
ANSWERED = [
    make_interaction(kind="comment", id="c", time_ms=NOON_MS - 3),
    make_interaction(kind="comment", id="r", own=True, parent="c", time_ms=NOON_MS - 2),
]
#: Of the reply's id, and newer: what answered the comment is no reply any more.
NO_REPLY = [
    make_interaction(kind="like", id="r", time_ms=NOON_MS - 1),
    make_interaction(kind="comment", id="r", time_ms=NOON_MS - 1),
]


class Pages:
    """Pages in memory only."""

    def __init__(self) -> None:
        self.pages: dict[PageName, LivePage] = {}

    def place(self, interaction: Interaction) -> Placed:
        slot = slot_of(interaction.platform, interaction.account)
        account = self._page(slot, "account", interaction.platform, interaction.account)
        if interaction.post is None:
            return interaction, account, None
        return interaction, account, self._page(slot, "post", interaction.platform, interaction.post)

    def _page(self, slot: int, entity: str, platform: str, id_: str) -> LivePage:
        name = PageName(slot, entity, platform, id_)
        if name not in self.pages:
            self.pages[name] = LivePage(entity, platform, id_, slot, str(name))
        return self.pages[name]


def fold_in_batches(log: list[Interaction], sizes: list[int]) -> dict[PageName, LivePage]:
    pages, fold, rest = Pages(), Fold(WINDOWS), list(log)
    for size in [*sizes, len(log)]:
        slice_, rest = rest[:size], rest[size:]
        folded = fold.fold([pages.place(one) for one in slice_])
        for page in folded.touched:
            take_changes(page, WINDOWS)
    return {name: page for name, page in pages.pages.items() if not page.new}


def rows_of(page: LivePage) -> dict[int, tuple[int, ...]]:
    """Counts of each kept row, and behind them its reply times, as many as there are."""
    kept = {code: row for code, row in page.rows.items() if WINDOWS.is_kept(code, page.last_ms)}
    return {code: (*unpack(row), *reply_times(row)) for code, row in kept.items() if row}


def must_be(page: ExpectedPage) -> dict[int, tuple[int, ...]]:
    """The same of the oracle's page."""
    rows = {code: row for code, row in page.rows.items() if WINDOWS.is_kept(code, page.last_ms)}
    shown = {code: (*row, *without_zeros(page.times.get(code, ()))) for code, row in rows.items()}
    return {code: row for code, row in shown.items() if any(row)}


def without_zeros(times: tuple[int, ...]) -> tuple[int, ...]:
    """Zeros at the end left out."""
    while times and not times[-1]:
        times = times[:-1]
    return times


def waiting_of(page: LivePage) -> dict[int, int]:
    """The comments of a post that wait for a reply: hash -> time."""
    waiting = {comment: waits_ms(page, comment) for comment in page.members}
    return {comment: time_ms for comment, time_ms in waiting.items() if time_ms is not None}


@given(logs(), st.lists(st.integers(1, 20), max_size=6))
@example([*ANSWERED, NO_REPLY[0]], [2])
@example([*ANSWERED, NO_REPLY[1]], [2])
def test_rows_are_the_oracles_whatever_the_order_the_repeats_and_the_batches(
    log: list[Interaction], sizes: list[int]
) -> None:
    """A row is a function of the set of interactions: it counts the standing objects whose own time lies in it."""
    oracle = Oracle(WINDOWS)
    for one in log:
        oracle.take_decoded(one, RECEIVED_MS, slot_of(one.platform, one.account))
    found = fold_in_batches(log, sizes)
    expected = dict(oracle.pages())
    assert found.keys() == expected.keys()
    for name, must in expected.items():
        assert rows_of(found[name]) == must_be(must)
        polled = {number: (one.value, one.as_of_ms) for number, one in found[name].polled.items()}
        assert polled == must.polled
        assert (found[name].first_ms, found[name].last_ms) == (must.first_ms, must.last_ms)
        if name.entity == "account":
            waiting = {(post, hash_id(comment)): time_ms for (post, comment), time_ms in must.waiting.items()}
            assert waiting == {
                (post.id, comment): time_ms
                for post in found.values()
                if post.entity == "post" and post.account == name.id
                for comment, time_ms in waiting_of(post).items()
            }


@given(logs())
def test_taking_the_whole_log_twice_changes_nothing(log: list[Interaction]) -> None:
    """A replay of the topic leaves every row as it is."""
    once = fold_in_batches(log, [])
    twice = fold_in_batches(log + log, [len(log)])
    assert {name: rows_of(page) for name, page in once.items()} == {name: rows_of(page) for name, page in twice.items()}
