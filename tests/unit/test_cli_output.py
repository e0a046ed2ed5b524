"""The command line for eyes and for pipes: no blanks at the ends of lines, no type behind a flag."""

from __future__ import annotations

from io import StringIO

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from typer.main import get_command
from typer.testing import CliRunner

from pipeline.cli.main import build
from pipeline.cli.tables import make_console
from pipeline.cli.trimmed import Trimmed

PIECES = st.lists(st.text(alphabet=" a\n", max_size=8))


@given(PIECES)
def test_no_line_ends_with_a_blank_however_the_text_is_cut(pieces: list[str]) -> None:
    """And nothing else is left out."""
    out = StringIO()
    trimmed = Trimmed(out)
    for piece in pieces:
        assert trimmed.write(piece) == len(piece)
    trimmed.flush()
    assert out.getvalue() == "\n".join(line.rstrip(" ") for line in "".join(pieces).split("\n"))


def test_a_piped_table_has_no_blanks_at_the_ends_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("short", "1")
    table.add_row("a longer one", "2 and more")
    make_console().print(table)
    assert capsys.readouterr().out == "short         1\na longer one  2 and more\n"


def commands() -> list[list[str]]:
    """Every command that there is, as words."""
    group = get_command(build())
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        found += [[name, *rest] for rest in ([], *([one] for one in inner))]
    return [[], *found]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_shows_no_type_where_there_is_nothing_to_type(words: list[str]) -> None:
    """Options that take a value still say of what kind."""
    shown = CliRunner().invoke(build(), [*words, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "<bool>" not in shown.stdout
    assert "--help" in shown.stdout
    assert words != ["feed"] or "<int>" in shown.stdout


def test_every_command_says_what_it_does() -> None:
    group = get_command(build())
    assert isinstance(build(), typer.Typer)
    assert all(command.help for command in group.commands.values())  # type: ignore[attr-defined]
