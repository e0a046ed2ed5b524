"""The command line for eyes and for pipes: no blanks at the ends of lines, no type behind a flag."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from typer.main import get_command
from typer.testing import CliRunner

from pipeline.cli.main import NOUNS, build
from pipeline.cli.prove import announced
from pipeline.cli.tables import counted, make_console
from pipeline.cli.trimmed import Trimmed

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize("words", [[], ["top"], ["topics", "grow"], ["account", "facebook:1"]], ids=" ".join)
def test_h_is_help_at_every_command(words: list[str]) -> None:
    """Also behind the words of a command whose ids may begin with a dash."""
    short, long = (CliRunner().invoke(build(), [*words, option]) for option in ("-h", "--help"))
    assert (short.exit_code, short.stdout) == (0, long.stdout)
    assert "-h, --help" in short.stdout or re.search(r"--help\s+-h", short.stdout)


def test_the_version_is_that_of_the_package() -> None:
    """No command is needed beside it."""
    said = CliRunner().invoke(build(), ["--version"])
    assert (said.exit_code, said.stdout) == (0, f"twoway {version('twoway')}\n")


def test_the_newest_release_of_the_changelog_is_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None
    assert newest[1] == project["version"]


@pytest.mark.parametrize(
    ("header", "shown"),
    [("X-Signature", "'X-Signature'"), ("Bearer hunter2", "'Bearer ...'"), (": v", "': ...'"), ("", "''")],
)
def test_a_header_without_a_name_or_colon_is_told_by_its_first_word(header: str, shown: str) -> None:
    """What follows may be a token."""
    refused = CliRunner().invoke(build(), ["handshake", "x", "--header", header], env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert f"--header is {shown}; expected a name, a colon and a value: 'K: V'" in refused.output
    assert "hunter2" not in refused.output


def test_one_is_singular() -> None:
    """As in `1 interaction sent` and `5 faults in 1 minute`."""
    assert [counted(number, "interaction") for number in (0, 1, 2_000)] == [
        "0 interactions", "1 interaction", "2,000 interactions",
    ]  # fmt: skip
    assert [announced(1, 2.5), announced(5, 1.0)] == ["1 fault in 2.5 minutes", "5 faults in 1 minute"]


def test_every_command_says_what_it_does() -> None:
    group = get_command(build())
    assert isinstance(build(), typer.Typer)
    assert all(command.help for command in group.commands.values())  # type: ignore[attr-defined]


def test_the_help_lists_every_command_under_the_heading_of_what_it_is_for() -> None:
    shown = CliRunner().invoke(build(), ["--help"]).stdout

    headings = re.findall(r"─ ([A-Z][\w ]+) ─", shown)
    assert headings == ["Options", *NOUNS], "a command without a heading stands under 'Commands'"
    assert all(re.search(rf"^│ {name} ", shown, re.M) for name in get_command(build()).commands)  # type: ignore[attr-defined]
