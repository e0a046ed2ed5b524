"""The demo's table: one line an account, read as anybody reads it. Makes text only; sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from pipeline.cli.sparklines import age, ratio, sparkline, thousands
from pipeline.errors import NotFoundError
from pipeline.local.simulator.brands import Brand
from pipeline.reading.answers import Numbers, Series
from pipeline.reading.reader import Reader

SPARK_WINDOWS = 20
#: What all columns but the curve need.
OTHER_COLUMNS = 73
#: From this width on there is room for two spaces between columns.
ROOMY = OTHER_COLUMNS + SPARK_WINDOWS + 8


@dataclass(frozen=True)
class Score:
    """A brand and its numbers; None until the first of its interactions is counted."""

    brand: Brand
    numbers: Numbers | None
    series: Series | None


async def read_scores(reader: Reader, brands: Sequence[Brand]) -> list[Score]:
    """The numbers of all brands, and their last minutes."""
    found: dict[Brand, Numbers] = {}
    for brand in brands:
        try:
            found[brand] = await reader.account(brand.platform, brand.account)
        except NotFoundError:
            continue
    series = await reader.series_of([*found.values()], "1m", SPARK_WINDOWS) if found else []
    by_brand = dict(zip(found, series, strict=True))
    return [Score(brand, found.get(brand), by_brand.get(brand)) for brand in brands]


def as_table(scores: Sequence[Score], now_ms: int, width: int) -> Table:
    """What stands on the screen. The ratio is comments to likes; on a narrow screen its curve is shorter."""
    minutes = max(5, min(SPARK_WINDOWS, width - OTHER_COLUMNS))
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False, collapse_padding=width < ROOMY)
    table.add_column("account", no_wrap=True)
    table.add_column("platform", no_wrap=True)
    for name in ("likes", "comments", "shares", "replies"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", style="bold cyan", no_wrap=True)
    table.add_column(f"{minutes} min".rjust(minutes), style="cyan", no_wrap=True)
    table.add_column("newest", justify="right", no_wrap=True)
    for score in scores:
        table.add_row(escape(score.brand.name), score.brand.platform, *_cells(score, now_ms, minutes))
    return table


def as_lines(scores: Sequence[Score], now_ms: int) -> list[str]:
    """The same for a file or a pipe: one line an account of which something is known."""
    lines = []
    name_width = max((len(score.brand.name) for score in scores), default=0)
    for score in scores:
        if score.numbers is None:
            continue
        likes, comments, shares, replies, comment_to_like, _, newest = _cells(score, now_ms, SPARK_WINDOWS)
        lines.append(
            f"{score.brand.name:<{name_width}}  {comment_to_like:>6} comments a like on {score.brand.platform}"
            f" ({likes} likes, {comments} comments, {shares} shares, {replies} replies; newest {newest})"
        )
    return lines


def _cells(score: Score, now_ms: int, minutes: int) -> tuple[str, ...]:
    numbers = score.numbers
    if numbers is None:
        return ("-",) * 7
    spark = sparkline([row.comment_to_like for row in score.series.rows[-minutes:]]) if score.series else ""
    counts = (numbers.likes, numbers.comments, numbers.shares, numbers.replies)
    newest = age(now_ms - numbers.as_of_ms)
    return (*(thousands(count) for count in counts), ratio(numbers.comment_to_like), spark, newest)
