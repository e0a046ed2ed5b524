"""Whatever the order, the repeats and the batches: the fold's rows are the oracle's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.counting.changes import take_changes
from pipeline.counting.fold import Fold, Placed
from pipeline.counting.live import LivePage
from pipeline.counting.rows import unpack
from pipeline.proving.oracle import Oracle, PageName
from pipeline.slots import slot_of
from pipeline.windows import Windows
from schemas.interaction import Interaction
from tests.driver import RECEIVED_MS
from tests.property.strategies import logs

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")


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
    rows = {code: unpack(row) for code, row in page.rows.items() if WINDOWS.is_kept(code, page.last_ms)}
    return {code: counts for code, counts in rows.items() if any(counts)}


@given(logs(), st.lists(st.integers(1, 20), max_size=6))
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
        kept = {code: row for code, row in must.rows.items() if any(row) and WINDOWS.is_kept(code, must.last_ms)}
        assert rows_of(found[name]) == kept
        polled = {number: (one.value, one.as_of_ms) for number, one in found[name].polled.items()}
        assert polled == must.polled
        assert (found[name].first_ms, found[name].last_ms) == (must.first_ms, must.last_ms)


@given(logs())
def test_taking_the_whole_log_twice_changes_nothing(log: list[Interaction]) -> None:
    """A replay of the topic leaves every row as it is."""
    once = fold_in_batches(log, [])
    twice = fold_in_batches(log + log, [len(log)])
    assert {name: rows_of(page) for name, page in once.items()} == {name: rows_of(page) for name, page in twice.items()}
