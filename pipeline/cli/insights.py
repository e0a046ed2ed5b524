"""`twoway insights`: what makes an account's audience talk and who stays silent, as tables, JSON, or a picture."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.insight_tables import (
    comparisons_table,
    considered_line,
    hours_table,
    rates_table,
    silence_table,
    starters_table,
    words_lines,
)
from pipeline.cli.names import parse_name
from pipeline.cli.pages import AsJson, Name, Rest
from pipeline.cli.plots import check_plot, write_plot
from pipeline.cli.tables import make_console, print_json, shown
from pipeline.insights import Insights
from pipeline.reading import Reader
from pipeline.reading.insights import POSTS_MOST
from pipeline.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `insights`."""

    @app.command("insights")
    def insights(
        name: Name,
        rest: Rest = None,
        posts: Annotated[int, typer.Option("--posts", help="look at so many of the newest posts")] = POSTS_MOST,
        plot: Annotated[
            Path | None, typer.Option("--plot", metavar="FILE", help="also draw it into FILE.png or FILE.svg")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what makes an account's audience talk, and how much of it stays silent."""
        platform, account = parse_name(name, rest)
        if plot is not None:
            check_plot(plot)
        found = asyncio.run(_read(platform, account, posts))
        if plot is not None:
            write_plot(found, plot)
            sys.stderr.write(f"drawn into {plot}\n")
        if as_json:
            print_json([found])
        else:
            _show(found, make_console())


async def _read(platform: str, account: str, posts: int) -> Insights:
    async with Reader.connect(Settings.from_env()) as reader:
        return await reader.insights(platform, account, posts)


def _show(found: Insights, console: Console) -> None:
    console.print(f"[bold]insights [dim]{found.platform}[/] {shown(found.account)}[/]")
    console.print(considered_line(found))
    _section(console, "per post", rates_table(found))
    _section(console, "who did something, and who stays silent", silence_table(found))
    _section(console, "what goes with conversation: comments per post, with 95 % interval", comparisons_table(found))
    _section(console, "hour of publication, UTC", hours_table(found))
    _section(console, "words of the comments", words_lines(found))
    _section(console, "posts that started conversations", starters_table(found))


def _section(console: Console, title: str, content: object) -> None:
    console.print()
    console.print(f"[bold cyan]{title}[/]")
    console.print(content)
