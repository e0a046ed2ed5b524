"""`twoway unanswered` on a real Redis, as somebody types it; and what the other views say of replies."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli import pages, unanswered, watch
from pipeline.clock import wall_clock
from pipeline.errors import NotFoundError
from pipeline.settings import Settings
from pipeline.windows import Windows
from tests.written import Written

pytestmark = pytest.mark.servers
Run = Callable[..., str]
HOUR_MS = 3_600_000


@pytest.fixture
def written(settings: Settings) -> Written:
    """Writes pages of this test's installation."""
    return Written(settings)


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command line on this test's installation and gives its standard output; its error is raised."""
    app = typer.Typer()
    for noun in (pages, unanswered, watch):
        noun.register(app)
    env = {"TWOWAY_REDIS_URL": settings.redis_url.reveal(), "TWOWAY_KEY_PREFIX": settings.key_prefix}

    def run(*arguments: str, **more: str) -> str:
        result = CliRunner().invoke(app, arguments, env=env | more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def an_account_today(written: Written, now_ms: int) -> None:
    """4 comments today, 2 of them answered within 15 and 30 s."""
    rows = {
        Windows.parse("1d:90d").field(now_ms // 86_400_000 * 8): "0,4,0,2,0,2,1,1",
        "answered": "2",
        "reply_times": "1,1",
    }
    written.account((0, 4, 0, 2, 1), rows, first_ms=now_ms - 5 * HOUR_MS, last_ms=now_ms)


def test_a_row_a_comment_oldest_first_and_a_sentence_of_today(run: Run, written: Written) -> None:
    """Ids are shortened, pseudonyms to what tells them apart."""
    now_ms = wall_clock()
    an_account_today(written, now_ms)
    written.waiting("c2", now_ms - HOUR_MS, text="And in  blue?\nPlease!", actor="0123456789abcdef" * 2)
    written.waiting("c1", now_ms - 3 * HOUR_MS, post="1234567890123456789_1234567890123456789", actor=None)
    lines = [" ".join(line.split()) for line in run("unanswered", "facebook:acme").splitlines()]
    assert lines == [
        "unanswered facebook acme",
        "waits post who text",
        "3 h 12345678901234…567890123456789 - Where can I buy it?",
        "1 h p1 01234567… And in blue? Please!",
        "2 comments wait for a reply, the oldest for 3 h. "
        "Today: 2 of 4 comments answered (50.0 %), half of them within 15 s, 90 % within 30 s.",
    ]


def test_today_is_the_sum_of_its_hours_where_days_are_not_counted(run: Run, written: Written) -> None:
    """Their buckets add up."""
    now_ms = wall_clock()
    rows = {Windows.parse("1h:2d").field(now_ms // HOUR_MS * 8): "0,4,0,2,0,2,1,1"}
    written.account((0, 4, 0, 2, 1), rows, first_ms=now_ms - 5 * HOUR_MS, last_ms=now_ms)
    shown = run("unanswered", "facebook", "acme", TWOWAY_WINDOWS="1m:3h,1h:2d")
    assert "Today: 2 of 4 comments answered (50.0 %)" in shown
    assert "Today" not in run("unanswered", "facebook", "acme", TWOWAY_WINDOWS="1m:3h,1h:3h")


def test_nobody_waits(run: Run, written: Written) -> None:
    """Said in words; no line of JSON. Of an unknown account it is an error."""
    an_account_today(written, wall_clock())
    assert "No comment waits for a reply. Today: 2 of 4" in run("unanswered", "facebook:acme")
    assert run("unanswered", "facebook:acme", "--json") == ""
    with pytest.raises(NotFoundError, match="near it are 'acme'"):
        run("unanswered", "facebook:acm")


def test_json_is_one_comment_a_line_and_pages_go_on(run: Run, written: Written) -> None:
    """The table names what continues it."""
    now_ms = wall_clock()
    an_account_today(written, now_ms)
    for number in range(3):
        written.waiting(f"c{number}", now_ms - (9 - number) * 1_000)
    first = run("unanswered", "facebook:acme", "--limit", "2", "--json").splitlines()
    assert [orjson.loads(line)["id"] for line in first] == ["c0", "c1"]
    after = run("unanswered", "facebook:acme", "--limit", "2").rpartition("--after '")[2].rstrip("'\n")
    (last,) = run("unanswered", "facebook:acme", "--after", after, "--json").splitlines()
    assert orjson.loads(last)["id"] == "c2"


def test_what_people_write_cannot_act_on_the_terminal(run: Run, written: Written) -> None:
    """Escapes, markup, emoji names and text that runs from right to left are shown, not done."""
    now_ms = wall_clock()
    an_account_today(written, now_ms)
    evil = "\x1b[2J[red]:x:\u202e"
    written.waiting("c1", now_ms - 60_000, post=evil, text=evil, actor=evil)
    for arguments in ([], ["--watch", "--seconds", "0"]):
        shown = run("unanswered", "facebook:acme", *arguments)
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert shown.count(r"\x1b[2J[red]:x:\u202e") == 2


def test_watching_prints_what_comes_and_what_is_over(run: Run, written: Written) -> None:
    """Without a terminal; as JSON the whole page, once it changed."""
    now_ms = wall_clock()
    an_account_today(written, now_ms)
    written.waiting("c1", now_ms - 60_000)
    (line,) = run("unanswered", "facebook:acme", "--watch", "--every", "0.1", "--seconds", "0.3").splitlines()
    assert line[9:] == "waits 1 m p1 ann Where can I buy it?"
    watching = ("unanswered", "facebook:acme", "--watch", "--seconds", "0.3", "--every", "0.1", "--json")
    (page,) = run(*watching).splitlines()
    assert [one["id"] for one in orjson.loads(page)["comments"]] == ["c1"]


def test_every_view_says_how_the_account_answers(run: Run, written: Written) -> None:
    """Reply rate, median, and how many are unanswered; sorted by either."""
    now_ms = wall_clock()
    an_account_today(written, now_ms)
    written.account((9, 9, 0, 0, 0), account="mute", last_ms=now_ms)
    shown = [" ".join(line.split()) for line in run("account", "facebook:acme").splitlines()]
    assert "answered 50.0 % 2 of 4 comments" in shown
    assert "time to reply 15 s half of them; 90 % within 30 s" in shown
    row = next(line for line in run("top", "--sort", "reply_rate").splitlines() if "acme" in line)
    assert " ".join(row.split()[-7:]).startswith("50.0 % 15 s 2")
    best = [orjson.loads(line)["id"] for line in run("top", "--sort", "reply_rate", "--json").splitlines()]
    most = [orjson.loads(line)["id"] for line in run("top", "--sort", "unanswered", "--json").splitlines()]
    assert (best, most) == (["acme", "mute"], ["mute", "acme"])
    series = run("account", "facebook:acme", "--series", "1d").splitlines()
    assert "50.0 %" in series[-2]
    assert series[-1].startswith("2 of 4 comments answered (50.0 %), half of them within 15 s")
    assert " answered 50.0 % age " in run("watch", "facebook:acme", "--seconds", "0")
