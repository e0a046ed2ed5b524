"""Ids that begin with a dash, as Telegram's do, in two words like all others."""

from __future__ import annotations

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from pipeline.cli.flags import use_own_classes
from pipeline.cli.main import build
from pipeline.cli.names import parse_name
from pipeline.cli.pages import AsJson, Name, Rest


def app() -> typer.Typer:
    """One command with a name in one word or two, an option with a value and a flag: it says what it was given."""
    made = typer.Typer()

    @made.command()
    def show(name: Name, rest: Rest = None, limit: int = 20, account: str = "", as_json: AsJson = False) -> None:
        typer.echo(f"{parse_name(name, rest)} {limit} {account} {as_json}")

    use_own_classes(made)
    return made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("telegram -100123", "('telegram', '-100123') 20  False"),
        ("telegram -100123/45 --json", "('telegram', '-100123/45') 20  True"),
        ("--limit 5 telegram -100123 --account -100999", "('telegram', '-100123') 5 -100999 False"),
        ("--limit=5 --json telegram -100123", "('telegram', '-100123') 5  True"),
        ("telegram --limit 5 -- -abc", "('telegram', '-abc') 5  False"),
        ("telegram:-100123 --limit 5", "('telegram', '-100123') 5  False"),
        ("name -1", "('name', '-1') 20  False"),
        ("facebook 42 --account -abc", "('facebook', '42') 20 -abc False"),
    ],
)
def test_an_id_may_begin_with_a_dash_and_a_digit(words: str, said: str) -> None:
    """Options stay options wherever they stand, and so do their values."""
    result = CliRunner().invoke(app(), words.split())
    assert (result.exit_code, result.stdout) == (0, f"{said}\n")


def test_another_word_with_a_dash_is_refused_with_the_form_that_works() -> None:
    """It may be a misspelt option: `-json`."""
    result = CliRunner().invoke(app(), ["youtube", "-aBc"])
    assert result.exit_code == 2
    assert "No such option: -aBc" in result.stderr
    assert "PLATFORM:-aBc" in " ".join(result.stderr.replace("│", " ").split())


def test_misspelt_options_are_still_refused() -> None:
    for words in (["telegram", "-100123", "--limt", "5"], ["telegram", "-100123", "--limit"], ["-x"]):
        assert CliRunner().invoke(app(), words).exit_code == 2


def test_no_option_of_ours_looks_like_an_id() -> None:
    group = get_command(build())
    for command in group.commands.values():  # type: ignore[attr-defined]
        for inner in (command, *getattr(command, "commands", {}).values()):
            assert not [name for param in inner.params for name in param.opts if name[:1] == "-" and name[1:2] != "-"]
