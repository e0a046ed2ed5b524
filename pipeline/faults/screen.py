"""What `twoway prove` shows: a live table while faults are injected, plain lines elsewhere, and the end's table."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.faults.run import Outcome, Run
from pipeline.faults.schedule import Kind
from pipeline.local.console import StackConsole
from pipeline.logs import printable

SCREEN_S = 0.5
PLAIN_S = 10.0
LINES = 8
WRONG_SHOWN = 20


class Screen:
    """Shows a run. `say` takes its lines; `show` goes on until it is cancelled."""

    def __init__(self, console: StackConsole) -> None:
        self._console = console
        self._lines: deque[str] = deque(maxlen=LINES)
        self._is_live = False

    def say(self, line: str) -> None:
        """A fault, or what else happens."""
        if self._is_live:
            self._lines.append(printable(line))
        else:
            self._console.say(line)

    async def show(self, run: Run) -> None:
        """Show how the run goes on."""
        if not self._console.console.is_terminal:
            while True:
                await asyncio.sleep(PLAIN_S)
                self._console.say(_line(run))
        self._is_live = True
        try:
            with Live(console=self._console.console, auto_refresh=False, transient=True) as live:
                while True:
                    lines = Text("\n".join(self._lines), style="dim")
                    live.update(
                        Group(_faults(run.planned, run.injector.fired), "", _line(run), "", lines), refresh=True
                    )
                    await asyncio.sleep(SCREEN_S)
        finally:
            self._is_live = False

    def end(self, outcome: Outcome) -> None:
        """The table of the end, and what is wrong if anything is."""
        self._console.show(_faults(outcome.planned, outcome.fired))
        self._console.show(_table(outcome))
        for what, lines in (
            ("row", [str(difference) for difference in outcome.report.differences]),
            ("published", outcome.told.wrong),
            ("brand", outcome.wrong),
            ("ended by itself", outcome.deaths),
            ("refused by the gateway", [f"{count:,} deliveries of {why}" for why, count in outcome.refused.items()]),
        ):
            for line in lines[:WRONG_SHOWN]:
                self._console.say(f"{what}: {line}")


def _line(run: Run) -> str:
    still = "" if run.is_over else f"nothing counted for {run.pulse.still_s:.1f} s now, "
    return (
        f"{run.sender.sent:,} interactions sent, {len(run.stage.workers)} workers, {still}"
        f"{run.pulse.longest_s:.1f} s without progress at the longest"
    )


def _faults(planned: Mapping[Kind, int], fired: Mapping[Kind, int]) -> Table:
    table = Table("fault", box=None, pad_edge=False)
    table.add_column("planned", justify="right")
    table.add_column("fired", justify="right")
    for kind in Kind:
        if planned.get(kind):
            table.add_row(str(kind), str(planned[kind]), str(fired.get(kind, 0)))
    table.add_row("[bold]all[/]", f"[bold]{sum(planned.values())}[/]", f"[bold]{sum(fired.values())}[/]")
    return table


def _table(outcome: Outcome) -> Table:
    report, told = outcome.report, outcome.told
    table = Table("proof", "", show_header=False, box=None, pad_edge=False)
    table.add_row("", "")
    table.add_row("interactions sent", f"{outcome.sent:,}")
    table.add_row("records read", f"{report.interactions:,}")
    table.add_row("rows compared with the topic", f"{report.rows_compared:,}")
    table.add_row("rows different", _number(report.rows_different))
    table.add_row("published rows and comments compared with Redis", f"{told.compared:,}")
    table.add_row("published rows and comments different", _number(len(told.wrong)))
    table.add_row("numbers that the platforms know otherwise", _number(len(outcome.wrong)))
    for name, number in (
        ("records not counted in time", report.not_applied),
        ("deliveries not taken in time", outcome.not_taken),
        ("deliveries refused", sum(outcome.refused.values())),
        ("programs that ended by themselves", len(outcome.deaths)),
    ):
        if number:
            table.add_row(name, _number(number))
    table.add_row("longest time without progress", f"{outcome.longest_s:.1f} s")
    table.add_row("seconds", f"{outcome.seconds:.0f}")
    table.add_row("seed", escape(str(outcome.seed)))
    return table


def _number(number: int) -> str:
    return f"[{'red' if number else 'green'}]{number:,}[/]"
