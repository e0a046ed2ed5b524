"""Posts, accounts and series as tables for a terminal. What comes from outside is escaped before it is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.cli.sparklines import age, ratio, replied_in, replied_within, sparkline, thousands
from pipeline.cli.trimmed import Trimmed
from pipeline.logs import printable
from pipeline.reading import Numbers, Origin, Replying, Series, SeriesRow
from schemas.platforms import NUMBERS

#: Columns where the output is no terminal: wide enough that no table is cut.
PIPED_WIDTH = 180
#: A terminal of this many columns gets every column of a table of items, and one of so many the long lines as well.
WIDE = 120
WIDEST = 140
NAME_WIDTH = 48
#: Windows that a line shows.
LINE = 30
NARROW_LINE = 15
_WIDE_COUNTS = ("share", "comments", "likes", "shares", "answered", "reply in", "unanswered")
_NARROW_COUNTS = ("comments", "likes")
#: Columns taken by all but name and line: ratio, counts up to a hundred million, age, and what stands between.
_WIDE_REST = 92
_NARROW_REST = 42
#: Where the numbers are from.
_SOURCES = {"events": "counted", "totals": "polled", "both": "counted and polled"}
_STARTS = {"d": "%Y-%m-%d", "h": "%m-%d %H:00", "m": "%H:%M", "s": "%H:%M:%S"}


def make_console() -> Console:
    """Standard output; colours and the terminal's width only where it is a terminal, else no blanks at lines' ends.

    Without emoji: rich would make a picture of the `:x:` in a key.
    """
    console = Console(emoji=False, highlight=False)
    if console.is_terminal:
        return console
    return Console(file=cast("TextIO", Trimmed(sys.stdout)), emoji=False, highlight=False, width=PIPED_WIDTH)


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


def ratios(series: Series, last: int = LINE) -> str:
    """The series' newest ratios as a sparkline."""
    return sparkline([row.comment_to_like for row in series.rows[-last:]])


def items_table(
    items: Sequence[Numbers],
    series: Sequence[Series],
    now_ms: int,
    width: int,
    lit: Callable[[Numbers], bool] = lambda _: False,
) -> Table:
    """A row an item: ratio, its line, counts, and how fresh it is; narrow terminals get fewer columns, never cut ones.

    `answered` is the reply rate, `reply in` the median time to the first reply. Lit items stand out.
    """
    is_wide = width >= WIDE
    line = LINE if width >= WIDEST else NARROW_LINE
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    name_width = min(NAME_WIDTH, max(12, width - line - (_WIDE_REST if is_wide else _NARROW_REST)))
    table.add_column(items[0].entity if items else "", no_wrap=True, overflow="ellipsis", max_width=name_width)
    table.add_column("ratio", justify="right", no_wrap=True)
    # Right-aligned: the newest windows of all rows stand in one column.
    table.add_column(f"per {series[0].window}" if series else "", justify="right", no_wrap=True, style="cyan")
    for name in _WIDE_COUNTS if is_wide else _NARROW_COUNTS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True, style="dim")
    for item, rows in zip(items, series, strict=True):
        style = "bold green" if lit(item) else "bold"
        table.add_row(
            f"[{style}]{show_name(item)}[/]" if lit(item) else show_name(item),
            f"[{style}]{ratio(item.comment_to_like)}[/]",
            ratios(rows, line),
            *_counts(item, is_wide),
            age(now_ms - item.as_of_ms),
        )
    return table


def _counts(item: Numbers, is_wide: bool) -> tuple[str, ...]:
    if not is_wide:
        return tuple(_count(item, name) for name in _NARROW_COUNTS)
    return (
        percent(item.conversation_share),
        *(_count(item, name) for name in ("comments", "likes", "shares")),
        percent(item.reply_rate),
        replied_in(item.reply_median_ms),
        thousands(item.unanswered),
    )


def _count(item: Numbers, name: str) -> str:
    """The number; `-` where it is unknown: the platform does not send it, and nobody polled it."""
    is_unknown = name in NUMBERS and item.origins[name].source is None
    return "-" if is_unknown else thousands(getattr(item, name))


def numbers_table(item: Numbers, lines: Sequence[Series], now_ms: int, posts_known: int = 0) -> Table:
    """All that is known of one post or account, one number a line. `posts_known`: of how many posts anything is."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("comments / likes", f"[bold]{ratio(item.comment_to_like)}[/]", "comment_to_like")
    table.add_row("conversation share", percent(item.conversation_share), "of likes + comments + shares")
    table.add_row("  95 % sure to be above", percent(item.conversation_rank), "Wilson bound, for rankings")
    for name in ("likes", "comments", "shares", "replies", "posts"):
        told = _posts_told(item, posts_known) if name == "posts" else _told(item, name, now_ms)
        table.add_row(name, _count(item, name), told)
    comments = counted(item.answered + item.unanswered, "comment")
    table.add_row("answered", f"[bold]{percent(item.reply_rate)}[/]", f"{thousands(item.answered)} of {comments}")
    if item.reply_median_ms is not None:
        others = f"half of them; 90 % {replied_within(item.reply_p90_ms)}"
        table.add_row("  time to reply", replied_in(item.reply_median_ms), others)
    for name, total in item.polled.items():
        if name not in NUMBERS or item.origins[name].source != "totals":
            drift = _drift(item.origins[name]) if name in NUMBERS else ""
            table.add_row(f"{name}, polled", thousands(total.value), f"{age(now_ms - total.as_of_ms)} ago{drift}")
    if item.polled_comment_to_like is not None:
        table.add_row("comments / likes, polled", ratio(item.polled_comment_to_like), "")
    for line in lines:
        table.add_row(f"ratio per {line.window}", "", f"[cyan]{ratios(line)}[/]")
    table.add_row("as of", f"{age(now_ms - item.as_of_ms)} ago", f"{moment(item.as_of_ms)}, {_SOURCES[item.source]}")
    return table


def _told(item: Numbers, name: str, now_ms: int) -> str:
    """What is to be known of a number besides its value."""
    if name not in NUMBERS:
        return "by the brand" if name == "replies" else ""
    origin = item.origins[name]
    if origin.source is None:
        return f"unknown: {item.platform} does not send them; poll them (kind: totals)"
    if origin.source == "totals":
        counted = f"; counted {thousands(origin.counted)}{_drift(origin)}" if origin.counted else ""
        return f"polled {age(now_ms - (origin.as_of_ms or 0))} ago{counted}"
    return ""


def _posts_told(item: Numbers, known: int) -> str:
    """Why the count may be less than the list of posts is long."""
    if item.entity == "post":
        return "seen when it was published" if item.posts else "not seen when it was published"
    return f"seen when they were published; {thousands(known)} known" if known > item.posts else ""


def _drift(origin: Origin) -> str:
    """`, drift -2 (-4.8 %)`: counted less polled, and that by what was polled."""
    if origin.drift is None:
        return ""
    share = "" if origin.drift_share is None else f" ({origin.drift_share * 100:+.1f} %)"
    return f", drift {origin.drift:+,}{share}"


def series_table(series: Series) -> Table:
    """A row a window, oldest first; `-` for numbers that the platform's events do not tell."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column(f"{series.window} from, UTC")
    for name in ("ratio", "comments", "likes", "shares", "replies", "answered", "reply in"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in series.rows:
        counts = (
            "-" if name in series.unknown else thousands(getattr(row, name))
            for name in ("comments", "likes", "shares", "replies")
        )
        replying = percent(row.reply_rate), replied_in(row.reply_median_ms)
        table.add_row(
            _start(series, row), ratio(row.comment_to_like), *counts, *replying, "open" if row.partial else ""
        )
    return table


def answers_line(found: Replying) -> str:
    """`12 of 40 comments answered (30.0 %), half of them within 4 m, 90 % within 1 h`."""
    line = f"{thousands(found.answered)} of {counted(found.comments, 'comment')} answered"
    if found.reply_rate is not None:
        line += f" ({percent(found.reply_rate)})"
    if found.reply_median_ms is not None:
        line += f", half of them {replied_within(found.reply_median_ms)}, 90 % {replied_within(found.reply_p90_ms)}"
    return line


def counted(number: int, noun: str) -> str:
    """`1 comment`, `2,000 comments`."""
    return f"{thousands(number)} {noun}{'' if number == 1 else 's'}"


def heading(item: Numbers) -> Text:
    """`account facebook acme`, and of a post whose it is."""
    text = Text.from_markup(f"{item.entity} {show_name(item)}", style="bold", emoji=False)
    return text.append(f"  of {printable(item.account)}", style="dim") if item.entity == "post" else text


def percent(value: float | None) -> str:
    """`12.3 %`; `-` for None."""
    return "-" if value is None else f"{value * 100:.1f} %"


def moment(time_ms: int) -> str:
    """`2026-11-23 09:24:01 UTC`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _start(series: Series, row: SeriesRow) -> str:
    return datetime.fromtimestamp(row.start_ms / 1000, UTC).strftime(_STARTS[series.window[-1]])
