"""`twoway feed` and `twoway replay`: interactions from files, and rejected records once more."""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, get_args

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from pipeline.cli.tables import counted, make_console
from pipeline.errors import SettingsError
from pipeline.feeding.feed import REFUSALS_SHOWN, FeedOptions, FeedReport, feed
from pipeline.feeding.fields import KNOWN
from pipeline.feeding.replay import ReplayOptions, ReplayReport, replay
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.logs import printable
from pipeline.settings import Settings
from schemas.rejected import Stage

#: Exit code of a replay after which records stay rejected: neither done (0) nor failed (1).
STILL_REJECTED = 3
GZIP_MAGIC = b"\x1f\x8b"
#: Unknown fields that the warning names, and how many characters of each.
NAMES_SHOWN = 10
NAME_SHOWN = 50
#: And of a detail.
DETAIL_SHOWN = 300
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on standard output")]


def register(app: typer.Typer) -> None:
    """Add `feed` and `replay`."""

    @app.command("feed")
    def feed_command(
        file: Annotated[str, typer.Argument(help="JSON lines or CSV, may be gzipped; - is standard input")],
        form: Annotated[str, typer.Option("--format", help="auto, jsonl or csv")] = "auto",
        pseudonymised: Annotated[bool, typer.Option(help="the actors in the file are pseudonyms already")] = False,
        stop: Annotated[bool, typer.Option("--stop", help="stop at the first line that is refused")] = False,
        keep: Annotated[bool, typer.Option("--keep", help="keep refused lines in interactions.rejected")] = False,
        shown: Annotated[int, typer.Option("--show", help="refused lines that are listed")] = REFUSALS_SHOWN,
        old_times: Annotated[bool, typer.Option("--old-times", help="take times before the year 2000, too")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Send a file of interactions. Exit 1 if a line was refused; feeding the same file twice is harmless."""
        settings = Settings.from_env()
        if form not in {"auto", "jsonl", "csv"}:
            raise typer.BadParameter(f"--format is {form!r}; expected auto, jsonl or csv")
        with _opened(file) as (lines, update):  # before the key: a misspelt name is no matter of settings
            pseudonym = None if pseudonymised else keyed_pseudonym(settings.actor_key)
            options = FeedOptions(file, form, pseudonym, stop, keep, shown, old_times)  # type: ignore[arg-type]
            report = asyncio.run(feed(settings, lines, options, update))
        if as_json:
            _print_json(_feed_dict(report))
        else:
            _print_feed(report, make_console())
        if report.unknown:
            known = ", ".join(KNOWN)
            sys.stderr.write(
                f"twoway: passed over what no interaction has: {_names(report)}; expected some of {known}\n"
            )
        raise typer.Exit(0 if report.all_sent else 1)

    @app.command("replay")
    def replay_command(
        reason: Annotated[str | None, typer.Option(help="only records rejected for this reason")] = None,
        stage: Annotated[str | None, typer.Option(help="only records rejected at this stage")] = None,
        since: Annotated[datetime | None, typer.Option(help="only records rejected since (UTC)")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be sent, and send nothing")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Read interactions.rejected to its end and send what works now; sending twice is harmless.

        Exit 3 if records stay rejected.
        """
        settings = Settings.from_env()
        if stage is not None and stage not in get_args(Stage):
            raise typer.BadParameter(f"--stage is {stage!r}; expected one of {', '.join(get_args(Stage))}")
        since_ms = None if since is None else int(since.replace(tzinfo=since.tzinfo or UTC).timestamp() * 1000)
        options = ReplayOptions(reason, stage, since_ms, dry_run)
        with _records_bar() as (bar, task):
            report = asyncio.run(
                replay(settings, options, lambda read, total: bar.update(task, completed=read, total=total))
            )
        if as_json:
            _print_json(_replay_dict(report))
        else:
            _print_replay(report, dry_run, make_console())
        raise typer.Exit(STILL_REJECTED if report.left else 0)


@contextmanager
def _opened(name: str) -> Iterator[tuple[Iterator[bytes], Any]]:
    """The file's lines, and what is called while they are read: it moves the bar by the bytes of the file."""
    raw = _open(name)
    total = Path(name).stat().st_size if name != "-" and Path(name).is_file() else None
    with raw, _bytes_bar(total) as (bar, task):
        lines = gzip.GzipFile(fileobj=raw) if _is_gzip(raw) else raw
        yield iter(lines), lambda _: bar.update(task, completed=raw.tell() if total is not None else None)


def _open(name: str) -> Any:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise SettingsError(f"{name} cannot be read ({error.strerror}); expected a file of interactions") from error


def _is_gzip(raw: IO[bytes]) -> bool:
    peek: Any = raw
    return bool(peek.peek(2)[:2] == GZIP_MAGIC)


def _print_json(report: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))


def _feed_dict(report: FeedReport) -> dict[str, Any]:
    first = [{"line": line.number, "reason": line.reason, "detail": line.detail} for line in report.refusals]
    unknown = sorted(map(printable, report.unknown))
    counts = {"sent": report.sent, "refused": dict(report.refused), "kept": report.kept}
    return {**counts, "refusals": first, "unknown_fields": unknown}


def _names(report: FeedReport) -> str:
    """The unknown fields in one line that stays one."""
    shown = sorted(f"'{printable(name)[:NAME_SHOWN]}'" for name in report.unknown)
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    return ", ".join(shown[:NAMES_SHOWN]) + more


def _print_feed(report: FeedReport, console: Console) -> None:
    refused = report.refused.total()
    colour = "red" if refused else "green"
    console.print(f"[green]{counted(report.sent, 'interaction')}[/] sent, [{colour}]{refused:,}[/] refused")
    for reason, count in report.refused.most_common():
        console.print(f"  {reason}: {count:,}")
    if report.kept:
        console.print(f"  {report.kept:,} of them lie in interactions.rejected; `twoway replay` sends them again")
    if report.refusals:
        table = Table("line", "reason", "detail", title=f"first {len(report.refusals)} refused lines")
        for line in report.refusals:
            table.add_row(f"{line.number:,}", line.reason, escape(printable(line.detail)))
        console.print(table)


def _replay_dict(report: ReplayReport) -> dict[str, Any]:
    by_reason = [
        {"stage": stage, "reason": reason, "works": report.works[stage, reason], "still": report.still[stage, reason]}
        for stage, reason in sorted(report.works.keys() | report.still.keys())
    ]
    totals = {
        "read": report.read,
        "interactions": report.interactions,
        "repeated": report.repeated,
        "left": report.left,
    }
    return {**totals, "by_reason": by_reason, "why": dict(report.why), "examples": report.examples}


def _print_replay(report: ReplayReport, dry_run: bool, console: Console) -> None:
    table = Table("stage", "reason", "works now" if dry_run else "sent", "still rejected")
    for which in sorted(report.works.keys() | report.still.keys()):
        table.add_row(*which, f"{report.works[which]:,}", f"{report.still[which]:,}")
    console.print(table)
    console.print(f"{counted(report.interactions, 'interaction')} {'would be ' if dry_run else ''}sent")
    if report.left:
        would = "would stay" if dry_run else "stay" if report.left > 1 else "stays"
        console.print(f"[yellow]{counted(report.left, 'record')}[/] {would} rejected")
    for why, count in sorted(report.why.items()):
        console.print(f"  {escape(printable(why))}: {count:,}{_example(report.examples.get(why))}", soft_wrap=True)


def _example(detail: str | None) -> str:
    """`, such as: expected a verb under verb`: what the first of this reason lacked."""
    return "" if detail is None else f", such as: [dim]{escape(printable(detail[:DETAIL_SHOWN]))}[/]"


@contextmanager
def _bytes_bar(total: int | None) -> Iterator[tuple[Progress, TaskID]]:
    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        yield bar, bar.add_task("feeding", total=total)


@contextmanager
def _records_bar() -> Iterator[tuple[Progress, TaskID]]:
    with _bar(MofNCompleteColumn()) as bar:
        yield bar, bar.add_task("reading interactions.rejected", total=None)


def _bar(*columns: Any) -> Progress:
    """On standard error, and only where that is a terminal."""
    console = Console(stderr=True, emoji=False)
    shown = (TextColumn("{task.description}"), BarColumn(), *columns)
    return Progress(*shown, console=console, transient=True, disable=not console.is_terminal)
