"""`twoway verify`: every row in Redis against the topic, counted again."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.progress import reading_bar
from pipeline.cli.tables import make_console
from pipeline.logs import printable
from pipeline.proving.verify import DIFFERENCES_SHOWN, WAIT_S, Report, verify
from pipeline.settings import Settings

#: Exit code of a proof that found nothing wrong, and of which a part is missing: neither right (0) nor wrong (1).
NOT_PROVEN = 3


def register(app: typer.Typer) -> None:
    """Add `verify`."""

    @app.command("verify")
    def command(
        wait_s: Annotated[float, typer.Option("--wait", help="seconds to wait for the workers to catch up")] = WAIT_S,
        shown: Annotated[int, typer.Option("--show", help="differences that are listed")] = DIFFERENCES_SHOWN,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
    ) -> None:
        """Count the topic again with a plain dictionary and compare every row in Redis.

        Exit 1 if any differs; 3 if none does and the workers have not counted everything, so that nothing is proven.
        """
        settings = Settings.from_env()
        with reading_bar() as bar:
            task = bar.add_task("reading interactions", total=None)
            report = asyncio.run(
                verify(settings, lambda read, total: bar.update(task, completed=read, total=total), wait_s, shown)
            )
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(as_dict(report), option=orjson.OPT_APPEND_NEWLINE))
        else:
            print_report(report, make_console())
        raise typer.Exit(exit_code(report))


def exit_code(report: Report) -> int:
    """0: all is counted and right. 1: something is wrong. 3: the workers have not counted all that lay in the topic."""
    if report.differs:
        return 1
    return 0 if report.holds else NOT_PROVEN


def as_dict(report: Report) -> dict[str, Any]:
    """The report as it is printed with --json."""
    return {"holds": report.holds, **asdict(report)}


def print_report(report: Report, console: Console) -> None:
    """A table of what was seen, and of the first differences."""
    table = Table("proof", "", show_header=False, box=None, pad_edge=False)
    table.add_row("interactions read", f"{report.interactions:,}")
    for reason, count in sorted(report.rejected.items()):
        table.add_row(f"  of these rejected: {reason}", f"{count:,}")
    if report.not_applied:
        table.add_row("not counted yet, so not compared", f"[yellow]{report.not_applied:,}[/]")
    table.add_row("pages compared", f"{report.pages_compared:,}")
    table.add_row("rows compared", f"{report.rows_compared:,}")
    colour = "red" if report.rows_different else "green"
    table.add_row("rows different", f"[{colour}]{report.rows_different:,}[/]")
    if report.pages_unknown:
        table.add_row("  of these pages that the topic does not know", f"[red]{report.pages_unknown:,}[/]")
    if report.unsettled:
        table.add_row("pages that could not be looked at", f"[red]{report.unsettled:,}[/]")
    table.add_row("seconds", f"{report.seconds:.1f}")
    console.print(table)
    if report.differences:
        console.print(_differences(report))
    elif report.not_applied:
        console.print(
            f"[yellow]not proven: the workers have not counted {report.not_applied:,} interactions; see whether they "
            "run and catch up, then ask again (or let it wait longer, --wait)[/]",
            soft_wrap=True,
        )


def _differences(report: Report) -> Table:
    table = Table("page", "row", "expected", "found", title=f"first {len(report.differences)} differences")
    for difference in report.differences:
        name = difference.page
        page = f"{name.entity} {name.platform}:{name.id}"
        cells = (page, difference.row, difference.expected, difference.found)
        table.add_row(*(escape(printable(cell)) for cell in cells))
    return table
