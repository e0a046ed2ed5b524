"""Updates: which ones a subscriber wants, and that only newer revisions pass."""

from __future__ import annotations

import pytest

from pipeline.reading.updates import Newest, Wanted
from tests.factories import make_update


def test_lower_and_equal_revisions_are_dropped() -> None:
    """Only what is newer than all seen of its row passes; another row is another matter."""
    newest = Newest()
    revisions = [3, 3, 2, 4]
    assert [newest.is_newer(make_update(revision=revision)) for revision in revisions] == [True, False, False, True]
    assert newest.is_newer(make_update(revision=1, id="p2"))


def test_memory_is_bounded_and_forgets_the_longest_untouched_row() -> None:
    """A row that is forgotten passes again; those touched since stay."""
    newest = Newest(rows=2)
    for post in ("p1", "p2", "p1", "p3"):
        newest.is_newer(make_update(id=post, revision=1))
    assert len(newest) == 2
    assert not newest.is_newer(make_update(id="p1", revision=1))
    assert newest.is_newer(make_update(id="p2", revision=1))


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        (Wanted(), True),
        (Wanted(entity="post"), True),
        (Wanted(entity="account"), False),
        (Wanted(platforms=frozenset({"x"})), False),
        (Wanted(accounts=frozenset({"a1", "a2"})), True),
        (Wanted(windows=frozenset({"1h"})), False),
        (Wanted(windows=frozenset({"1m"}), only_final=True), False),
    ],
)
def test_a_filter_holds_what_it_names(wanted: Wanted, holds: bool) -> None:
    """The update is an open 1m row of a post of a1 on facebook."""
    assert wanted.holds(make_update()) is holds
