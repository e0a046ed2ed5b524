"""account, post, top, watch and key on a real Redis, as somebody types them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli import keys, pages, watch
from pipeline.clock import wall_clock
from pipeline.errors import NotFoundError, QueryError, UnavailableError
from pipeline.settings import Settings
from tests.commands import run_program
from tests.written import Written

pytestmark = pytest.mark.servers
Run = Callable[..., str]


@pytest.fixture
def written(settings: Settings) -> Written:
    """Writes pages of this test's installation."""
    return Written(settings)


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command line on this test's installation and gives its standard output; its error is raised."""
    app = typer.Typer()
    for noun in (pages, watch, keys):
        noun.register(app)
    env = {"TWOWAY_REDIS_URL": settings.redis_url.reveal(), "TWOWAY_KEY_PREFIX": settings.key_prefix}

    def run(*arguments: str, **more: str) -> str:
        result = CliRunner().invoke(app, arguments, env=env | more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.mark.parametrize("name", [("facebook:ac:me",), ("facebook", "ac:me")])
def test_account_is_named_in_one_word_or_two(run: Run, written: Written, name: tuple[str, ...]) -> None:
    """An id may hold colons; ratio with three digits, thousands separated."""
    written.account((1_234_567, 2_345, 0, 1, 3), account="ac:me")
    shown = run("account", *name)
    assert "account facebook ac:me" in shown
    assert "0.00190" in shown
    assert "1,234,567" in shown


def test_json_is_one_object_a_line(run: Run, written: Written) -> None:
    """The same fields as over HTTP; null for a ratio without likes."""
    written.account((0, 2, 0, 0, 1))
    written.post("p1", (0, 2, 0, 0, 1))
    for arguments in (("account", "facebook:acme"), ("post", "facebook:p1"), ("top",), ("top", "--posts")):
        (line,) = run(*arguments, "--json").splitlines()
        assert orjson.loads(line)["comment_to_like"] is None
    (line,) = run("account", "facebook:acme", "--posts", "--json").splitlines()
    assert orjson.loads(line)["id"] == "p1"


def test_series_shows_a_row_a_window(run: Run, written: Written) -> None:
    """The open one is marked."""
    now_ms = wall_clock()
    written.account((4, 1, 0, 0, 0), first_ms=now_ms - 3_600_000, last_ms=now_ms)
    lines = run("account", "facebook:acme", "--series", "1h", "--limit", "2").splitlines()
    assert lines[-1].endswith("open")
    rows = run("account", "facebook:acme", "--series", "1h", "--limit", "2", "--json").splitlines()
    assert [orjson.loads(row)["partial"] for row in rows] == [False, True]


def test_an_account_is_asked_for_its_posts_or_for_its_rows(run: Run) -> None:
    """Never for both, of which one would be dropped without a word."""
    with pytest.raises(QueryError, match="--posts and --series 1m are both given; expected one of them"):
        run("account", "facebook:acme", "--series", "1m", "--posts")


def test_ids_cannot_reach_the_terminal_as_escapes_or_markup(run: Run, written: Written) -> None:
    """Control characters are shown escaped, markup and `:x:` as they are."""
    evil = "a\x1b[2J[red]:x:"
    written.account((4, 1, 0, 0, 0), account=evil, platform="x")
    written.post(evil, (4, 1, 0, 0, 0), account=evil, platform="x")
    for arguments in (("top",), ("top", "--posts"), ("account", "x", evil), ("post", "x", evil), ("watch",)):
        shown = run(*arguments, *(["--seconds", "0"] if arguments == ("watch",) else []))
        assert "\x1b" not in shown
        assert r"a\x1b[2J[red]:x:" in shown
    assert "❌" not in run("key", "account", "x", evil)


def test_unknown_is_an_error_and_never_zeros(run: Run, written: Written) -> None:
    """`main` prints it on standard error with exit code 1."""
    written.account((4, 1, 0, 0, 0))
    with pytest.raises(NotFoundError, match="near it are 'acme'"):
        run("account", "facebook:acm")
    with pytest.raises(NotFoundError, match="no post 'none'"):
        run("post", "facebook:none")
    with pytest.raises(QueryError, match="expected PLATFORM:ID"):
        run("account", "acme")


def test_watch_prints_a_plain_line_for_each_change(run: Run, written: Written) -> None:
    """Without a terminal: what is there first, then only what changed."""
    written.account((4, 1, 0, 0, 0))
    shown = run("watch", "--seconds", "0.3", "--every", "0.1").splitlines()
    assert len(shown) == 1
    assert " facebook:acme ratio 0.250 comments 1 likes 4 answered 0.0 % age " in shown[0]
    (line,) = run("watch", "facebook:acme", "facebook:later", "--seconds", "0", "--json").splitlines()
    assert orjson.loads(line)["id"] == "acme"


def test_watch_of_what_never_came_is_an_error_when_its_time_is_over(run: Run, written: Written) -> None:
    """It waits for the first event, as long as it may."""
    written.account((4, 1, 0, 0, 0))
    with pytest.raises(NotFoundError, match="no account 'nope' on facebook"):
        run("watch", "facebook:nope", "--seconds", "0.2", "--every", "0.1")


def test_watch_of_a_redis_that_never_answered_is_an_error_when_its_time_is_over(run: Run) -> None:
    """While there is time it only says so."""
    with pytest.raises(UnavailableError, match=r"Redis does not answer at 127.0.0.1:1; expected"):
        run("watch", "--seconds", "0.2", "--every", "0.1", TWOWAY_REDIS_URL="redis://127.0.0.1:1")


def test_before_the_first_event_top_says_so(run: Run) -> None:
    """And prints no line of JSON."""
    assert "nothing has arrived yet" in run("top")
    assert run("top", "--json") == ""


def test_key_prints_what_redis_holds(run: Run, written: Written) -> None:
    """Computed without a server: every page key that it prints is there, with the type it says."""
    written.account((4, 1, 0, 0, 0), account="a b{1}'s")
    written.post("p 1", (4, 1, 0, 0, 0), account="a b{1}'s")
    printed = run("key", "account", "facebook", "a b{1}'s", "--json") + run(
        "key", "post", "facebook:p 1", "--account", "a b{1}'s", "--json"
    )
    found = {key["key"]: key["type"] for key in map(orjson.loads, printed.splitlines())}
    there = [key for key in found if written.redis.exists(key)]
    assert len(there) == 5
    assert all(written.redis.type(key) == found[key] for key in there)
    assert run("key", "post", "facebook:p 1").endswith("prints the post's page.\n")
    assert "no number" not in run("key", "slot", "7")


def test_commands_of_key_are_answered_as_they_are_printed(run: Run, written: Written) -> None:
    """Typed into a shell, they reach the Redis of the settings, whatever its port."""
    written.account((4, 1, 0, 0, 0), account="a b{1}'s")
    keys_found = map(orjson.loads, run("key", "account", "facebook", "a b{1}'s", "--json").splitlines())
    command = next(one["command"] for one in keys_found if one["holds"] == "the account's page")
    shell = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = run_program(["sh", "-c", command], env=shell, check=True)
    assert ran.stdout.splitlines()[:2] == ["likes", "4"]


@pytest.mark.parametrize("arguments", [("page", "x:1"), ("slot", "256"), ("slot", "²"), ("account", "X:1")])
def test_key_refuses_what_names_nothing(run: Run, arguments: tuple[str, str]) -> None:
    """With what it expects."""
    with pytest.raises(QueryError, match="expected"):
        run("key", *arguments)
