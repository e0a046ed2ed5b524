"""What a worker keeps in memory: each partition its share, and beyond it what the others leave."""

from __future__ import annotations

import pytest

from pipeline.counting.live import LivePage
from pipeline.settings import Settings
from pipeline.store.keys import Keys
from pipeline.store.shelf import Shelf


def shelf_of(sizes: list[int], *, others: int, share: int, most: int = 1_000) -> Shelf:
    """A shelf with posts of so many members, the oldest first."""
    shelf = Shelf(Keys(), Settings().windows, most)
    shelf.share, shelf.others = share, lambda: others
    for number, size in enumerate(sizes):
        page: LivePage = shelf.post(f"0|facebook:{number}", "facebook", str(number), 0)
        for member in range(size - 1):
            page.members.merge(member, 1 << 63 | 2)
        shelf.settle([page])
    return shelf


@pytest.mark.parametrize(
    ("others", "kept"),
    [
        (0, ["0", "1"]),  # all within what the worker may keep
        (500, ["1"]),  # together too much: the oldest page goes, down to what the others leave
        (2_000, ["1"]),  # the others take more than there is: its share stays its own
    ],
)
def test_a_shelf_keeps_its_share_and_beyond_it_what_the_others_leave(others: int, kept: list[str]) -> None:
    """One post of 400 entries where the share is 250: kept as long as there is room."""
    shelf = shelf_of([400, 200], others=others, share=250)
    assert [page.id for page in shelf.pages.values()] == kept
