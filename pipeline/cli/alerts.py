"""`twoway alerts`: what stands, what cleared of late, and, with --follow, what comes next."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Annotated

import typer
from rich.table import Table

from pipeline.access.kafka import kafka_security
from pipeline.cli.names import parse_name
from pipeline.cli.pages import AsJson
from pipeline.cli.sparklines import age
from pipeline.cli.tables import make_console, moment, print_json, shown
from pipeline.logs import printable
from pipeline.reading import Alerts, Reader
from pipeline.reading.alerts import WHICH
from pipeline.settings import Settings
from pipeline.subscribe import AlertsTold, subscribe_alerts
from schemas.alert import Alert

#: Words of this length, as most ids are, stand in one line on a terminal of 80 columns.
WORD_WIDTH = 30


def register(app: typer.Typer) -> None:
    """Add `alerts`."""

    @app.command("alerts")
    def alerts(
        account: Annotated[
            str | None, typer.Option("--account", metavar="PLATFORM:ID", help="only this account and its posts")
        ] = None,
        state: Annotated[str, typer.Option("--state", help=", ".join(WHICH))] = "all",
        limit: Annotated[int, typer.Option("--limit", help="how many, 1 to 1000")] = 20,
        follow: Annotated[bool, typer.Option("--follow", help="then show new ones as they come, until Ctrl-C")] = False,
        seconds: Annotated[
            float | None, typer.Option("--seconds", min=0, help="stop following when none came for so long")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Show alerts that stand or cleared within a week, newest first."""
        platform, account_id = parse_name(account) if account is not None else (None, None)
        settings = Settings.from_env()
        try:
            # Listening begins before what stands is read: nothing falls between the two.
            with _listening(settings, platform, account_id, seconds) if follow else nullcontext(()) as coming:
                found = asyncio.run(_read(settings, platform, account_id, state, limit))
                _show(found, as_json)
                _follow(coming, {alert.id for alert in found.alerts}, as_json)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


async def _read(settings: Settings, platform: str | None, account: str | None, state: str, limit: int) -> Alerts:
    async with Reader.connect(settings) as reader:
        return await reader.alerts(platform, account, state, limit)


def _show(found: Alerts, as_json: bool) -> None:
    if as_json:
        print_json(found.alerts)
        return
    console = make_console()
    if found.alerts:
        console.print(alerts_table(found))
    hidden = found.known - len(found.alerts)
    more = f"; {hidden} more with --limit" if hidden else ""
    console.print(f"{found.standing} standing, {found.known - found.standing} cleared within a week{more}", style="dim")


def alerts_table(found: Alerts) -> Table:
    """A row an alert: since when, what, where, and why. An id is never cut: its column breaks it at the worst."""
    places = [shown(printable(place(alert))) for alert in found.alerts]
    words = [len(word) for alert in found.alerts for word in printable(place(alert)).split()]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True, style="dim")
    table.add_column("rule", no_wrap=True)
    table.add_column("of", overflow="fold", min_width=min(WORD_WIDTH, max(words, default=0)))
    table.add_column("why", overflow="fold")
    for alert, where in zip(found.alerts, places, strict=True):
        style = "bold red" if alert.state == "fired" else "green"
        table.add_row(
            f"[{style}]{alert.state}[/]",
            age(found.now_ms - alert.time_ms),
            alert.rule,
            where,
            reason(alert),
        )
    return table


def reason(alert: Alert) -> str:
    """The numbers of the explanation, without what rule and state say already."""
    return alert.explanation.removeprefix("Over: ").partition(": ")[0].removesuffix(".")


def place(alert: Alert) -> str:
    """`facebook:1001`, of a post `facebook:1001 post 1001_2001`."""
    name = f"{alert.platform}:{alert.account}"
    return name if alert.post is None else f"{name} post {alert.post}"


def _listening(settings: Settings, platform: str | None, account: str | None, idle_s: float | None) -> AlertsTold:
    return subscribe_alerts(
        settings.kafka_servers,
        platforms=() if platform is None else (platform,),
        accounts=() if account is None else (account,),
        topic_prefix=settings.topic_prefix,
        idle_s=idle_s,
        security=kafka_security(settings),
    )


def _follow(coming: Iterable[Alert], shown_ids: set[str], as_json: bool) -> None:
    for alert in coming:
        if alert.id in shown_ids:
            continue
        if as_json:
            print_json([alert])
            continue
        where = printable(place(alert))
        sys.stdout.write(f"{moment(alert.time_ms)} {alert.state} {alert.rule} {where}: {alert.explanation}\n")
        sys.stdout.flush()
