"""`twoway account`, `twoway post`, `twoway top`: the numbers in Redis as tables, or as lines of JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline.cli.names import parse_name
from pipeline.cli.tables import (
    LINE,
    answers_line,
    heading,
    items_table,
    make_console,
    numbers_table,
    print_json,
    series_table,
)
from pipeline.clock import wall_clock
from pipeline.errors import QueryError
from pipeline.reading import Numbers, Reader, Series
from pipeline.reading.rankings import SORTS
from pipeline.settings import Settings

Name = Annotated[str, typer.Argument(metavar="PLATFORM:ID", help="also as two words: PLATFORM ID")]
Rest = Annotated[str | None, typer.Argument(metavar="[ID]", help="the id, when the platform stands alone")]
AsJson = Annotated[bool, typer.Option("--json", help="lines of JSON on standard output")]
Rows = Annotated[str | None, typer.Option("--series", metavar="SIZE", help="its rows of a window size: 1m, 1h, 1d")]
Limit = Annotated[int, typer.Option("--limit", help="how many rows or posts")]
Sort = Annotated[str, typer.Option("--sort", help=", ".join(SORTS))]


def register(app: typer.Typer) -> None:
    """Add the three commands."""

    @app.command("account")
    def account(
        name: Name,
        rest: Rest = None,
        posts: Annotated[bool, typer.Option("--posts", help="the account's posts instead")] = False,
        series: Rows = None,
        sort: Sort = "recent",
        limit: Limit = LINE,
        as_json: AsJson = False,
    ) -> None:
        """Show an account's numbers, its posts, or its rows of a window size."""
        platform, account_id = parse_name(name, rest)
        if posts and series:
            raise QueryError(f"--posts and --series {series} are both given; expected one of them")
        if posts:
            asyncio.run(_posts(platform, account_id, sort, limit, as_json))
        elif series:
            asyncio.run(_series("account", platform, account_id, None, series, limit, as_json))
        else:
            asyncio.run(_numbers("account", platform, account_id, None, as_json))

    @app.command("post")
    def post(
        name: Name,
        rest: Rest = None,
        account: Annotated[str | None, typer.Option("--account", help="its account; else the directory's")] = None,
        series: Rows = None,
        limit: Limit = LINE,
        as_json: AsJson = False,
    ) -> None:
        """Show a post's numbers, or its rows of a window size."""
        platform, post_id = parse_name(name, rest)
        if series:
            asyncio.run(_series("post", platform, post_id, account, series, limit, as_json))
        else:
            asyncio.run(_numbers("post", platform, post_id, account, as_json))

    @app.command("top")
    def top(
        posts: Annotated[bool, typer.Option("--posts", help="posts instead of accounts")] = False,
        sort: Sort = "conversation",
        limit: Limit = 20,
        platform: Annotated[str | None, typer.Option("--platform", help="only of this platform")] = None,
        window: Annotated[str, typer.Option("--window", help="window size of the ratio's line")] = "1m",
        as_json: AsJson = False,
    ) -> None:
        """Show the accounts, or the posts, in which people talk the most."""
        asyncio.run(_top(posts, sort, limit, platform, window, as_json))


async def _numbers(entity: str, platform: str, entity_id: str, account: str | None, as_json: bool) -> None:
    async with Reader.connect(Settings.from_env()) as reader:
        item = await _item(reader, entity, platform, entity_id, account)
        if as_json:
            print_json([item])
            return
        lines = await _lines(reader, item)
        known = await _known_posts(reader, item)
    console = make_console()
    console.print(heading(item))
    console.print(numbers_table(item, lines, wall_clock(), known))


async def _item(reader: Reader, entity: str, platform: str, entity_id: str, account: str | None) -> Numbers:
    if entity == "account":
        return await reader.account(platform, entity_id)
    return await reader.post(platform, entity_id, account)


async def _known_posts(reader: Reader, item: Numbers) -> int:
    """How many posts of an account anything is known of, whether they were seen when they were published or not."""
    if item.entity != "account":
        return 0
    return (await reader.posts(item.platform, item.id, "recent", 1)).considered


async def _lines(reader: Reader, item: Numbers) -> list[Series]:
    """A line of each window size."""
    sizes = [size.name for size in reader.windows.sizes]
    return [line for size in sizes for line in await reader.series_of([item], size, LINE)]


async def _series(
    entity: str, platform: str, entity_id: str, account: str | None, window: str, limit: int, as_json: bool
) -> None:
    async with Reader.connect(Settings.from_env()) as reader:
        item = await _item(reader, entity, platform, entity_id, account)
        series = await reader.series(item.entity, platform, entity_id, window, limit, account=item.account)
    if as_json:
        print_json(series.rows)
        return
    console = make_console()
    console.print(heading(item))
    console.print(series_table(series))
    if series.replying.comments:
        console.print(answers_line(series.replying), style="dim")


async def _posts(platform: str, account: str, sort: str, limit: int, as_json: bool) -> None:
    async with Reader.connect(Settings.from_env()) as reader:
        ranking = await reader.posts(platform, account, sort, limit)
        series = await reader.series_of(ranking.items)
    if as_json:
        print_json(ranking.items)
        return
    console = make_console()
    console.print(items_table(ranking.items, series, wall_clock(), console.width))


async def _top(posts: bool, sort: str, limit: int, platform: str | None, window: str, as_json: bool) -> None:
    async with Reader.connect(Settings.from_env()) as reader:
        ranking = await (reader.top_posts if posts else reader.accounts)(sort, limit, platform)
        series: Sequence[Series] = await reader.series_of(ranking.items, window)
    if as_json:
        print_json(ranking.items)
        return
    console = make_console()
    if not ranking.items:
        console.print("nothing has arrived yet", style="dim")
        return
    console.print(items_table(ranking.items, series, wall_clock(), console.width))
    if not ranking.complete:
        console.print(f"{ranking.considered:,} compared; there are more", style="dim")
