"""What `twoway watch` lights up: only what changed, and only for a moment. Narrow terminals get whole columns."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pipeline.cli.tables import items_table
from pipeline.cli.watch import LIT_MS, Watched
from pipeline.counting.page import PageView
from pipeline.reading import Numbers, Series
from pipeline.reading.answers import numbers_of
from pipeline.reading.replying import together
from pipeline.windows import ALL


def account(likes: int, account_id: str = "acme") -> Numbers:
    """An account with a quarter as many comments as likes."""
    return numbers_of(
        PageView("account", "facebook", account_id, account_id, {ALL: (likes, likes // 4, 0, 0, 0)}, {}, 1, 1)
    )


def test_only_what_changed_is_lit_and_only_for_a_moment() -> None:
    """The first look lights nothing: everything is new then."""
    watched = Watched()
    watched.take([account(4), account(8, "other")], [], now_ms=1_000)
    assert not watched.is_lit(account(4), 1_000)
    watched.take([account(5), account(8, "other")], [], now_ms=2_000)
    assert watched.changed == [account(5)]
    assert watched.is_lit(account(5), 2_000)
    assert not watched.is_lit(account(8, "other"), 2_000)
    assert not watched.is_lit(account(5), 2_000 + LIT_MS)


@pytest.mark.parametrize("width", [80, 100, 119, 120, 140, 200])
def test_no_number_is_cut_at_any_width(width: int) -> None:
    """Long names give way, numbers never."""
    item = account(12_345_678, "an-account-with-a-name-that-is-far-too-long-for-any-terminal-of-eighty-columns")
    series = Series(
        entity="account",
        platform="facebook",
        id=item.id,
        account=item.id,
        window="1m",
        rows=[],
        unknown=[],
        replying=together([]),
        as_of_ms=1,
        source="events",
    )
    output = StringIO()
    Console(file=output, width=width, emoji=False).print(items_table([item], [series], 2, width))
    row = output.getvalue().splitlines()[1]
    assert "12,345,678" in row
    assert "3,086,419" in row
    assert "0.250" in row
    assert row.count("…") == 1
