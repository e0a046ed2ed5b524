"""Posts, accounts and series as tables for a terminal. What comes from outside is escaped before it is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.cli.sparklines import age, ratio, sparkline, thousands
from pipeline.logs import printable
from pipeline.reading import Numbers, Ranking, Series, SeriesRow

#: Columns where the output is no terminal: wide enough that no table is cut.
PIPED_WIDTH = 180
NAME_WIDTH = 48
_STARTS = {"d": "%Y-%m-%d", "h": "%m-%d %H:00", "m": "%H:%M", "s": "%H:%M:%S"}


def make_console() -> Console:
    """Standard output; colours and the terminal's width only where it is a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


def print_json(values: Iterable[Any]) -> None:
    """Each value as one line of JSON."""
    for value in values:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def shown(text: str) -> str:
    """Text from outside as markup that shows it and does nothing else."""
    return escape(printable(text))


def show_name(item: Numbers) -> str:
    """`facebook acme`, the platform dimmed."""
    return f"[dim]{item.platform}[/] {shown(item.id)}"


def ratios(series: Series) -> str:
    """The series' ratio as a sparkline."""
    return sparkline([row.comment_to_like for row in series.rows])


def ranking_table(ranking: Ranking, series: Sequence[Series], now_ms: int) -> Table:
    """A row an item: ratio, its line, counts, and how fresh it is."""
    window = series[0].window if series else "1m"
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column("#", justify="right", style="dim")
    table.add_column(ranking.entity, no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    for name in ("ratio", "share", "comments", "likes", "shares", "replies"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"ratio per {window}", no_wrap=True, style="cyan")
    table.add_column("age", justify="right", no_wrap=True, style="dim")
    for place, (item, line) in enumerate(zip(ranking.items, series, strict=True), 1):
        table.add_row(str(place), show_name(item), *count_cells(item), ratios(line), age(now_ms - item.as_of_ms))
    return table


def count_cells(item: Numbers) -> tuple[str, ...]:
    """Ratio, share of conversation, comments, likes, shares, replies."""
    return (
        f"[bold]{ratio(item.comment_to_like)}[/]",
        percent(item.conversation_share),
        *map(thousands, (item.comments, item.likes, item.shares, item.replies)),
    )


def numbers_table(item: Numbers, lines: Sequence[Series], now_ms: int) -> Table:
    """All that is known of one post or account, one number a line."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("comments / likes", f"[bold]{ratio(item.comment_to_like)}[/]", "comment_to_like")
    table.add_row("conversation share", percent(item.conversation_share), "of likes + comments + shares")
    table.add_row("  95 % sure to be above", percent(item.conversation_rank), "Wilson bound, for rankings")
    for name in ("likes", "comments", "shares", "replies", "posts"):
        table.add_row(name, thousands(getattr(item, name)), "by the brand" if name == "replies" else "")
    for name, total in item.polled.items():
        table.add_row(f"{name}, polled", thousands(total.value), f"{age(now_ms - total.as_of_ms)} ago")
    if item.polled_comment_to_like is not None:
        table.add_row("comments / likes, polled", ratio(item.polled_comment_to_like), "")
    for line in lines:
        table.add_row(f"ratio per {line.window}", "", f"[cyan]{ratios(line)}[/]")
    table.add_row("as of", f"{age(now_ms - item.as_of_ms)} ago", f"{moment(item.as_of_ms)}, from {item.source}")
    return table


def series_table(series: Series) -> Table:
    """A row a window, oldest first."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column(f"{series.window} from, UTC")
    for name in ("ratio", "comments", "likes", "shares", "replies"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in series.rows:
        counts = map(thousands, (row.comments, row.likes, row.shares, row.replies))
        table.add_row(_start(series, row), ratio(row.comment_to_like), *counts, "open" if row.partial else "")
    return table


def heading(item: Numbers) -> Text:
    """`account facebook acme`, and of a post whose it is."""
    text = Text.from_markup(f"{item.entity} {show_name(item)}", style="bold")
    return text.append(f"  of {printable(item.account)}", style="dim") if item.entity == "post" else text


def percent(value: float | None) -> str:
    """`12.3 %`; `-` for None."""
    return "-" if value is None else f"{value * 100:.1f} %"


def moment(time_ms: int) -> str:
    """`2026-11-23 09:24:01 UTC`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _start(series: Series, row: SeriesRow) -> str:
    return datetime.fromtimestamp(row.start_ms / 1000, UTC).strftime(_STARTS[series.window[-1]])
