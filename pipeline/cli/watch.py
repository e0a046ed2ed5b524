"""`twoway watch`: a table of accounts that follows their numbers; plain lines where nobody watches a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from pipeline.cli.names import parse_name
from pipeline.cli.sparklines import age, ratio, thousands
from pipeline.cli.tables import LINE, items_table, make_console, moment, percent, print_json, ratios
from pipeline.clock import wall_clock
from pipeline.errors import NotFoundError, TwowayError, UnavailableError
from pipeline.logs import printable
from pipeline.reading import Numbers, Reader, Series
from pipeline.reading.rankings import SORTS
from pipeline.settings import Settings

#: A change stays lit for this long.
LIT_MS = 1_500


@dataclass
class Watched:
    """What is on the screen, and when each account's numbers changed last."""

    items: list[Numbers] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    changed: list[Numbers] = field(default_factory=list)
    changed_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    trouble: str = ""
    #: Why nothing is on the screen yet: Redis is away, or nobody knows what was named.
    nothing: TwowayError | None = None

    def take(self, items: list[Numbers], series: list[Series], now_ms: int) -> None:
        """The newest numbers; those that differ from what was shown are `changed`."""
        before = {(item.platform, item.id): item for item in self.items}
        self.changed = [item for item in items if before.get((item.platform, item.id)) != item]
        self.changed_ms |= {(item.platform, item.id): now_ms for item in self.changed if before}
        self.items, self.series = items, series

    def is_lit(self, item: Numbers, now_ms: int) -> bool:
        """Whether the account changed just now."""
        return now_ms - self.changed_ms.get((item.platform, item.id), -LIT_MS) < LIT_MS


def register(app: typer.Typer) -> None:
    """Add `watch`."""

    @app.command("watch")
    def command(
        accounts: Annotated[list[str] | None, typer.Argument(metavar="[PLATFORM:ID]...", help="none: the top")] = None,
        sort: Annotated[str, typer.Option("--sort", help=", ".join(SORTS))] = "comments",
        limit: Annotated[int, typer.Option("--limit", help="accounts shown when none are named")] = 20,
        window: Annotated[str, typer.Option("--window", help="window size of the ratio's line")] = "1m",
        every_s: Annotated[float, typer.Option("--every", min=0.1, help="seconds between two looks")] = 1.0,
        seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="stop after so long")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="a line of JSON for each change")] = False,
    ) -> None:
        """Follow the ratios of accounts, once a second. Plain lines of what changed where output is no terminal.

        An account is waited for until its first event. Exit 1 if the time is over and nothing of what was named came.
        """
        names = [parse_name(name) for name in accounts or ()]
        try:
            asyncio.run(_watch(_Question(names, sort, limit, window), every_s, seconds, as_json))
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


@dataclass(frozen=True)
class _Question:
    names: Sequence[tuple[str, str]]
    sort: str
    limit: int
    window: str


async def _watch(question: _Question, every_s: float, seconds: float | None, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    until = None if seconds is None else loop.time() + seconds
    watched = Watched()
    console = make_console()
    live = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
    async with Reader.connect(Settings.from_env()) as reader:
        with live or nullcontext():
            while True:
                began = loop.time()
                await _look(reader, question, watched)
                _show(watched, live, as_json)
                if until is not None and loop.time() + every_s > until:
                    break
                await asyncio.sleep(max(0.0, began + every_s - loop.time()))
    if watched.nothing is not None and not watched.items:
        raise watched.nothing


async def _look(reader: Reader, question: _Question, watched: Watched) -> None:
    """Read the numbers anew; what is on the screen stays while Redis does not answer."""
    try:
        items, watched.waiting, watched.nothing = await _read(reader, question)
        series = await reader.series_of(items, question.window, LINE)
    except UnavailableError as error:
        if not watched.trouble:
            sys.stderr.write(f"twoway: {error}; it is asked again\n")
        watched.trouble, watched.changed, watched.nothing = str(error), [], error
        return
    watched.trouble = ""
    watched.take(items, series, wall_clock())


async def _read(reader: Reader, question: _Question) -> tuple[list[Numbers], list[str], NotFoundError | None]:
    """The accounts' numbers, and the names of those of which nothing was counted yet, with what there is to say."""
    if not question.names:
        return (await reader.accounts(question.sort, question.limit)).items, [], None
    items, waiting, missing = [], [], None
    for platform, account in question.names:
        try:
            items.append(await reader.account(platform, account))
        except NotFoundError as error:
            waiting.append(f"{platform}:{account}")
            missing = missing or error
    return items, waiting, missing


def _show(watched: Watched, live: Live | None, as_json: bool) -> None:
    if live is not None:
        live.update(_screen(watched, wall_clock(), live.console.width), refresh=True)
    elif as_json:
        print_json(watched.changed)
    else:
        _print_lines(watched, wall_clock())


def _screen(watched: Watched, now_ms: int, width: int) -> RenderableType:
    state = Text(watched.trouble, style="red") if watched.trouble else Text(moment(now_ms), style="dim")
    if watched.waiting:
        state.append(f"  nothing counted yet of {', '.join(map(printable, watched.waiting))}", style="yellow")
    if not watched.items:
        return Group(Text("waiting for the first event", style="dim"), state)
    table = items_table(watched.items, watched.series, now_ms, width, lambda item: watched.is_lit(item, now_ms))
    return Group(table, state)


def _print_lines(watched: Watched, now_ms: int) -> None:
    """A plain line for each account that changed."""
    lines = {(series.platform, series.id): ratios(series) for series in watched.series}
    for item in watched.changed:
        sys.stdout.write(
            f"{moment(now_ms)[11:19]} {item.platform}:{printable(item.id)} ratio {ratio(item.comment_to_like)}"
            f" comments {thousands(item.comments)} likes {thousands(item.likes)} answered {percent(item.reply_rate)}"
            f" age {age(now_ms - item.as_of_ms)} {lines[item.platform, item.id]}\n"
        )
    sys.stdout.flush()
