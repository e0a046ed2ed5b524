"""The demo's table: one line an account, read as anybody reads it. Makes text only; sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from pipeline.cli.insight_tables import silent_share
from pipeline.cli.sparklines import age, ratio, replied_in, sparkline, thousands
from pipeline.cli.tables import percent
from pipeline.errors import NotFoundError
from pipeline.insights import Insights, Silence
from pipeline.local.simulator.brands import Brand
from pipeline.reading import Numbers, Reader, Series, UnansweredQueue

SPARK_WINDOWS = 20
#: From these widths on a table has the platform and a curve, and shares, age and a longer curve.
MIDDLE = 100
WIDE = 120
#: What all columns but the curve need up to 999,999 likes, with a space between each two.
_MIDDLE_REST = 90
_WIDE_REST = 105

_NARROW_COLUMNS = ("account", "likes", "comments", "ratio", "answered", "within", "waiting", "oldest", "silent")
_MIDDLE_COLUMNS = ("account", "platform", *_NARROW_COLUMNS[1:4], "curve", *_NARROW_COLUMNS[4:])
_WIDE_COLUMNS = (*_MIDDLE_COLUMNS[:4], "shares", *_MIDDLE_COLUMNS[4:], "newest")
_LEFT = frozenset({"account", "platform", "curve"})
_STYLES = {"ratio": "bold cyan", "curve": "cyan", "answered": "bold green", "waiting": "bold yellow"}


@dataclass(frozen=True)
class Score:
    """A brand and its numbers; None until the first of its interactions is counted."""

    brand: Brand
    numbers: Numbers | None = None
    series: Series | None = None
    queue: UnansweredQueue | None = None


async def read_scores(reader: Reader, brands: Sequence[Brand]) -> list[Score]:
    """The numbers of all brands, their last minutes, and the oldest comment that waits."""
    found: dict[Brand, tuple[Numbers, UnansweredQueue]] = {}
    for brand in brands:
        try:
            numbers = await reader.account(brand.platform, brand.account)
            found[brand] = numbers, await reader.unanswered(brand.platform, brand.account, limit=1)
        except NotFoundError:
            continue
    series = await reader.series_of([numbers for numbers, _ in found.values()], "1m", SPARK_WINDOWS) if found else []
    known = {
        brand: Score(brand, numbers, one, queue)
        for (brand, (numbers, queue)), one in zip(found.items(), series, strict=True)
    }
    return [known.get(brand, Score(brand)) for brand in brands]


async def read_silence(reader: Reader, brand: Brand) -> Silence | None:
    """Those who did anything so far, against the followers; None until something is counted."""
    try:
        return silence_of(await reader.insights(brand.platform, brand.account, posts=1))
    except NotFoundError:
        return None


def silence_of(insights: Insights) -> Silence | None:
    """The account's, for all time."""
    return next((one for one in insights.silence if (one.of, one.value) == ("account", "all")), None)


def as_table(scores: Sequence[Score], silent: Mapping[Brand, Silence], now_ms: int, width: int) -> Table:
    """What stands on the screen; narrower screens get fewer columns and a shorter curve, never cut ones."""
    columns, minutes = _columns(width)
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False, padding=(0, 1, 0, 0))
    for name in columns:
        shown = f"{minutes} min" if name == "curve" else name
        table.add_column(shown, style=_STYLES.get(name, ""), justify="left" if name in _LEFT else "right", no_wrap=True)
    for score in scores:
        cells = _cells(score, silent.get(score.brand), now_ms, minutes)
        table.add_row(*(cells.get(name, "-") for name in columns))
    return table


def as_lines(scores: Sequence[Score], silent: Mapping[Brand, Silence], now_ms: int) -> list[str]:
    """The same for a file or a pipe: one line an account of which something is known."""
    lines = []
    name_width = max((len(score.brand.name) for score in scores), default=0)
    for score in scores:
        if score.numbers is None:
            continue
        cells = _cells(score, silent.get(score.brand), now_ms, 0)
        lines.append(
            f"{score.brand.name:<{name_width}}  {cells['ratio']:>6} comments a like"
            f" ({cells['comments']} and {cells['likes']}), {cells['answered']} answered (half in {cells['within']}),"
            f" {cells['waiting']} wait (oldest {cells['oldest']}), {cells.get('silent', '-')} silent"
        )
    return lines


def _columns(width: int) -> tuple[tuple[str, ...], int]:
    """The columns for this width, and the minutes of the curve."""
    if width >= WIDE:
        return _WIDE_COLUMNS, min(SPARK_WINDOWS, width - _WIDE_REST)
    if width >= MIDDLE:
        return _MIDDLE_COLUMNS, min(SPARK_WINDOWS, width - _MIDDLE_REST)
    return _NARROW_COLUMNS, 0


def _cells(score: Score, silence: Silence | None, now_ms: int, minutes: int) -> dict[str, str]:
    """Column -> text, of what is known."""
    cells = {"account": escape(score.brand.name), "platform": score.brand.platform}
    numbers, queue = score.numbers, score.queue
    if numbers is None or queue is None:
        return cells
    cells |= {name: thousands(getattr(numbers, name)) for name in ("likes", "comments", "shares")}
    cells |= {
        "ratio": ratio(numbers.comment_to_like),
        "answered": percent(numbers.reply_rate),
        "within": replied_in(numbers.reply_median_ms),
        "waiting": thousands(queue.waiting),
        "oldest": span(queue.oldest_waits_ms),
        "newest": age(now_ms - numbers.as_of_ms),
    }
    if silence is not None:
        cells["silent"] = silent_share(silence)
    if score.series and minutes:
        cells["curve"] = sparkline([row.comment_to_like for row in score.series.rows[-minutes:]])
    return cells


def span(milliseconds: int | None) -> str:
    """`8.2 s`, `19 m`; `-` for None."""
    return "-" if milliseconds is None else age(milliseconds)
