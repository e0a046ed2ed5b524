"""Insights in a terminal: bars, intervals, names."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli.bars import bar, interval
from pipeline.cli.insight_tables import comparisons_table, name_comparison, silence_table, words_lines
from pipeline.cli.plots import check_plot
from pipeline.errors import QueryError
from pipeline.insights import AccountFacts, Comparison, PostFacts, Said, analyse
from pipeline.labels import Labels
from tests.factories import NOON_MS


@pytest.mark.parametrize(
    ("value", "drawn"), [(0, ""), (1, "█"), (0.5, "▌"), (2.125, "██▏"), (4, "████"), (9, "████"), (None, "")]
)
def test_bar_is_as_long_as_its_share(value: float | None, drawn: str) -> None:
    """In eighths of a character; never longer than its room."""
    assert bar(value, top=4, width=4) == drawn


def test_bars_of_nothing_but_zeros_are_empty() -> None:
    """There is no longest one."""
    assert bar(0, top=0, width=4) == ""


@pytest.mark.parametrize(
    ("low", "value", "high", "drawn"),
    [
        (1.5, 2.0, 3.0, "  ┊─●──"),
        (0.0, 0.5, 1.5, "─●──"),
        (2.0, 2.0, 2.0, "  ┊ ●"),
        (0.5, 2.0, None, " ───●───→"),
        (3.0, 9.0, 12.0, "  ┊   ──●"),
    ],
)
def test_interval_shows_its_ends_its_value_and_where_1_is(
    low: float, value: float, high: float | None, drawn: str
) -> None:
    """From 0 to 4 in nine characters; an arrow where it goes on beyond."""
    assert interval(low, value, high, top=4, width=9) == drawn


def test_labels_have_names_that_say_what_they_are() -> None:
    """Without the word of the label where the value says it."""
    shared = {"posts": 1, "comments_per_post": 1.0, "other_posts": 1, "other_comments_per_post": 1.0}
    names = [("question", "open"), ("hashtag", "run"), ("media", "video"), ("weekday", "Monday"), ("language", "en")]
    found = [name_comparison(Comparison(label=label, value=value, **shared)) for label, value in names]  # type: ignore[arg-type]
    assert found == ["an open question", "#run", "video", "Monday", "language en"]


def test_what_comes_from_outside_is_shown_and_does_nothing() -> None:
    """Hashtags and words may look like rich's markup or hold escapes."""
    labels = Labels(question=False, media=None, hashtags=("[red]\x1b[2j",), hour=0, weekday=0, lang=None, words=1)
    posts = [PostFacts("1", 1, 1, 1, labels, NOON_MS), PostFacts("2", 1, 1, 1, Labels(None, None, (), 0, 0, None, 1))]
    found = analyse(AccountFacts("facebook", "a", NOON_MS, posts, 2, comments=[Said("1", "u", "x[blue]y #[bold]z")]))
    console = Console(width=150, emoji=False, color_system=None, record=True, file=StringIO())
    console.print(comparisons_table(found))
    console.print(words_lines(found))
    console.print(silence_table(found))
    shown = console.export_text()
    assert "#[red]" in shown
    assert "\x1b" not in shown


def test_plot_without_matplotlib_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: the image for production does without."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(QueryError, match=r"expected twoway with its extra: twoway\[plot\]"):
        check_plot(tmp_path / "a.png")
