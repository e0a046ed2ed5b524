"""What the demo shows: a table that fits its screen, and a section for each account at the end."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pipeline.counting.page import PageView, Polled
from pipeline.insights import AccountFacts, Insights, PostFacts, Said, analyse
from pipeline.labels import Labels
from pipeline.local.findings import Finding, as_text
from pipeline.local.scoreboard import Score, as_lines, as_table, silence_of
from pipeline.local.simulator.brands import BRANDS
from pipeline.reading import Numbers, UnansweredQueue, WaitingComment
from pipeline.reading.answers import numbers_of
from pipeline.windows import ALL
from tests.factories import NOON_MS

BRAND = BRANDS[2]
LIKES, COMMENTS, SHARES = 999_999, 999_999, 99_999


def numbers(comments: int = COMMENTS, reply_times: tuple[int, ...] = (700_000, 200_000)) -> Numbers:
    page = PageView(
        "account", BRAND.platform, BRAND.account, BRAND.account,
        {ALL: (LIKES, comments, 0, 900_000, 40)}, {"shares": Polled(SHARES, NOON_MS)}, 1, NOON_MS,
        {ALL: reply_times},
    )  # fmt: skip
    return numbers_of(page)


def queue(*texts: str | None, waiting: int = COMMENTS) -> UnansweredQueue:
    comments = [
        WaitingComment(
            post="p1", mark="0" * 16, id="c1", actor="ann", parent=None, time_ms=NOON_MS, waits_ms=65_000, text=text
        )
        for text in texts
    ]  # fmt: skip
    return UnansweredQueue(
        platform=BRAND.platform, account=BRAND.account, waiting=waiting, oldest_ms=NOON_MS if waiting else None,
        oldest_waits_ms=3_600_000 if waiting else None, comments=comments, next=None, kept_days=30, now_ms=NOON_MS,
    )  # fmt: skip


def insights(posts: int = 24, followers: int | None = 90_000, *, hides_likers: bool = False) -> Insights:
    """Every second post asks and has twice the comments."""
    facts = [
        PostFacts(f"p{number}", 10, 4 if asks else 2, 0, Labels(asks, None, (), 0, 0, "en", 3))
        for number in range(posts)
        for asks in (number % 2 == 0,)
    ]
    said = [Said("p0", "ann", "The saddle squeaks")]
    return analyse(
        AccountFacts(
            BRAND.platform, BRAND.account, NOON_MS, facts, posts, followers=followers, comments=said,
            engaged={"all": 1_000}, hides_likers=hides_likers,
        )
    )  # fmt: skip


def rendered(what: object, width: int) -> list[str]:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(what, soft_wrap=True)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 99, 100, 119, 120, 160])
def test_table_fits_its_screen_uncut(width: int) -> None:
    """Whatever the width from 80 columns on, and whatever the numbers up to a million."""
    scores = [Score(brand, numbers(), None, queue()) for brand in BRANDS]
    silent = silence_of(insights(hides_likers=True))
    assert silent is not None
    lines = rendered(as_table(scores, dict.fromkeys(BRANDS, silent), NOON_MS, width), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    parts = ("Northwind Cycles", "999,999", "1.00", "90.0 %", "15 s", "1 h", "≤ 98.9 %")
    assert all(part in lines[3] for part in parts)


def test_account_that_has_no_numbers_yet_has_dashes() -> None:
    """What is unknown is not shown as 0."""
    (_, line) = rendered(as_table([Score(BRAND)], {}, NOON_MS, 80), 80)
    assert line.split() == ["Northwind", "Cycles", *["-"] * 8]
    assert as_lines([Score(BRAND)], {}, NOON_MS) == []


def test_line_for_a_file_says_the_same_as_the_table() -> None:
    silent = silence_of(insights())
    assert silent is not None
    (line,) = as_lines([Score(BRAND, numbers(), None, queue())], {BRAND: silent}, NOON_MS)
    assert line == (
        "Northwind Cycles    1.00 comments a like (999,999 and 999,999), 90.0 % answered (half in 15 s),"
        " 999,999 wait (oldest 1 h), 98.9 % silent"
    )


def test_findings_say_who_answers_who_waits_who_is_silent_and_what_makes_people_talk() -> None:
    finding = Finding(BRAND, numbers(), queue("Where is my saddle?", None), insights())
    assert as_text(finding).plain.splitlines() == [
        "Northwind Cycles  facebook 700100200303",
        "  answers    90.0 % of 999,999 comments, half of them within 15 s, nine in ten within 30 s",
        "  waiting    999,999 comments, the oldest for 1 h",
        "               1 m  Where is my saddle?",
        "               1 m  (no text)",
        "  silent     98.9 % of 90,000 followers; 1,000 people did something, one of 90",
        "  questions  2.00 times the comments of statements (95 %: 2.00 to 2.00; 12 against 12 posts)",
        "  words      saddle, squeaks (said by the most people)",
    ]


def test_silence_is_an_upper_bound_where_likers_are_unknown() -> None:
    """Instagram's likes are polled: those who only liked are not among the engaged."""
    finding = Finding(BRAND, numbers(), queue(waiting=0), insights(hides_likers=True))
    line = next(line for line in as_text(finding).plain.splitlines() if "silent" in line)
    assert line == "  silent     at most 98.9 % of 90,000 followers; 1,000 people did something, besides unknown likers"


def test_findings_say_why_a_number_is_missing() -> None:
    """A brand that never answers and never asks, whose followers nobody polled."""
    finding = Finding(BRAND, numbers(4, ()), queue(waiting=0), insights(posts=1, followers=None))
    assert as_text(finding).plain.splitlines()[1:5] == [
        "  answers    none of 4 comments",
        "  waiting    nobody",
        "  silent     followers unknown: they were never polled",
        "  questions  too few posts: 1 against 0 posts",
    ]


def test_what_somebody_wrote_can_neither_move_the_cursor_nor_widen_the_screen() -> None:
    finding = Finding(BRAND, numbers(), queue("\x1b[2J[bold]" + "very " * 100, "かわいい" * 50), insights())
    lines = rendered(as_text(finding), 100)
    assert len(lines) == 8
    assert "\x1b" not in "".join(lines)
    assert "[bold]" in lines[3]
    assert all(Console().measure(line).maximum <= 100 for line in lines)
