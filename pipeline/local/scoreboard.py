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


def as_table(scores: Sequence[Score], now_ms: int) -> Table:
    """What stands on the screen."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column("account")
    table.add_column("platform")
    for name in ("likes", "comments", "shares", "replies"):
        table.add_column(name, justify="right")
    table.add_column("comments/like", justify="right", style="bold cyan")
    table.add_column(f"ratio, last {SPARK_WINDOWS} min", style="cyan")
    table.add_column("newest", justify="right")
    for score in scores:
        table.add_row(escape(score.brand.name), score.brand.platform, *_cells(score, now_ms))
    return table


def as_lines(scores: Sequence[Score], now_ms: int) -> list[str]:
    """The same for a file or a pipe: one line an account."""
    lines = []
    for score in scores:
        likes, comments, shares, replies, share, _, newest = _cells(score, now_ms)
        lines.append(
            f"{score.brand.platform} {score.brand.name}: {share} comments a like"
            f" ({likes} likes, {comments} comments, {shares} shares, {replies} replies; newest {newest})"
        )
    return lines


def _cells(score: Score, now_ms: int) -> tuple[str, ...]:
    numbers = score.numbers
    if numbers is None:
        return ("-",) * 7
    spark = sparkline([row.comment_to_like for row in score.series.rows]) if score.series else ""
    counts = (numbers.likes, numbers.comments, numbers.shares, numbers.replies)
    newest = age(now_ms - numbers.as_of_ms)
    return (*(thousands(count) for count in counts), ratio(numbers.comment_to_like), spark, newest)
