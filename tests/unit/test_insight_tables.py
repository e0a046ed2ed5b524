"""Insights in a terminal: bars, intervals, names."""

from __future__ import annotations

import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli.bars import bar, interval
from pipeline.cli.insight_tables import (
    comparisons_table,
    hours_table,
    name_comparison,
    rates_table,
    silence_table,
    starters_table,
    words_lines,
)
from pipeline.cli.plots import check_plot, write_plot
from pipeline.errors import QueryError
from pipeline.insights import AccountFacts, Comparison, Insights, PostFacts, Said, analyse
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


def shown(found: Insights) -> dict[str, list[str]]:
    """The lines of each part as a terminal shows them."""
    parts = {
        "rates": rates_table(found), "silence": silence_table(found), "comparisons": comparisons_table(found),
        "hours": hours_table(found), "words": words_lines(found), "starters": starters_table(found),
    }  # fmt: skip
    console = Console(width=110, emoji=False, color_system=None, record=True, file=StringIO())
    lines = {}
    for name, part in parts.items():
        console.print(part)
        lines[name] = console.export_text().splitlines()
    return lines


def test_parts_of_an_account_without_posts_say_so() -> None:
    """No empty table, no 0 %."""
    found = shown(analyse(AccountFacts("facebook", "a", NOON_MS, [], 0)))
    assert found == {
        "rates": ["No post is known yet."],
        "silence": ["Nobody is known to have done anything: the platform hides who it was, or nothing has come yet."],
        "comparisons": ["No post is known yet."],
        "hours": ["No post is known yet."],
        "words": ["No texts of comments are kept of the last 30 days."],
        "starters": ["No post is known yet."],
    }


def test_parts_that_cannot_be_told_of_a_single_post_say_why() -> None:
    """Its publication was not seen, and nobody commented; 40 people did something, of nobody knows how many."""
    facts = AccountFacts("facebook", "a", NOON_MS, [PostFacts("1", 40, 0, 1)], 1, engaged={"all": 40})
    found = shown(analyse(facts))
    assert found["comparisons"] == ["No post has labels: none of them was seen when it was published."]
    assert found["hours"] == ["Of no post the hour is known: none was seen when it was published."]
    assert found["starters"] == ["No post has a comment yet."]
    assert found["rates"][-1] == "followers unknown: they were never polled"
    *table, note = found["silence"]
    assert [line.split() for line in table] == [["engaged"], ["ever", "40"]]
    assert note == "How many stay silent is unknown without the number of followers: send it as totals."


def test_starters_have_a_dash_for_what_nobody_told() -> None:
    """Facebook sends no shares: 0 of them would be a number that nobody knows."""
    posts = [PostFacts("1", 40, 4, 0, unknown=frozenset({"shares"})), PostFacts("2", 40, 2, 0)]
    found = analyse(AccountFacts("facebook", "a", NOON_MS, posts, 2))
    assert [one.unknown for one in found.starters] == [[], ["shares"]]
    _, first, second = shown(found)["starters"]
    assert first.split()[-4:] == ["2", "0", "40", "0"]
    assert second.split()[-4:] == ["4", "0", "40", "-"]


def test_silence_is_shown_as_a_bound_where_likers_are_unknown() -> None:
    """Among them the bound of every kind of post; where they are known there is neither sign nor sentence."""
    facts = AccountFacts("instagram", "a", NOON_MS, [PostFacts("1", 40, 4, 0)], 1, followers=1_000, engaged={"all": 4})
    assert "≤" not in "".join(shown(analyse(facts))["silence"])
    found = shown(analyse(replace(facts, hides_likers=True)))["silence"]
    assert found[1].split()[:6] == ["ever", "4", "≤", "99.6", "%", "0.00"]
    assert found[-1] == "≤: who liked is unknown, so fewer may be silent"


def test_a_few_posts_are_set_against_each_other_without_a_lift() -> None:
    """Their comments each are told, and how many a lift needs; no share of comments on posts that are talked about."""
    posts = [
        PostFacts(str(n), 1, n, 0, Labels(n > 2, "image", (), 9, 0, "en", 3), published_ms=NOON_MS) for n in range(4)
    ]
    found = shown(analyse(AccountFacts("facebook", "a", NOON_MS, posts, 4, comments=[Said("3", "u", "more rye")])))
    assert found["comparisons"][1].split()[:7] == ["an", "open", "question", "1", "3.00", "3", "1.00"]
    assert found["comparisons"][-1] == "Too few posts for a lift: it needs 10 on either side, with comments on both."
    assert found["words"][-1] == "on posts that are talked about: too few posts"


def test_an_empty_panel_of_the_plot_says_why(tmp_path: Path) -> None:
    """The words are those of the tables."""
    write_plot(analyse(AccountFacts("facebook", "a", NOON_MS, [PostFacts("1", 40, 0, 1)], 1)), tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert drawn.count("No post has labels: none of them was seen when it was published.") >= 2
    assert "Of no post the hour is known" in drawn


def test_plot_without_matplotlib_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: the image for production does without."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(QueryError, match=r"expected twoway with its extra: twoway\[plot\]"):
        check_plot(tmp_path / "a.png")
