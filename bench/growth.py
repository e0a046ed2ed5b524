"""What an event costs and a page holds as everything grows: posts, accounts, one viral post, partitions and workers.

python -m bench.growth [--only posts|accounts|viral|partitions] [--events N] [--viral N] [--plots FOLDER] [--json FILE].
Starts a Kafka and a Redis of its own on loopback; every point has topics of its own and an empty Redis. The whole run
takes 25 minutes at the most: after that it says what is missing and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import redis
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.counting import servers
from bench.growth_plots import bars, draw, lines
from bench.growth_points import Point, points
from bench.growth_run import Grown, run_point
from pipeline.proving.verify import verify
from pipeline.settings import Settings

LIMIT_S = 25 * 60.0
#: Larger points are proven by totals: the oracle's dictionaries would take minutes and gigabytes.
ORACLE_EVENTS = 300_000
TITLES = {
    "posts": "posts, 1,000 accounts",
    "accounts": "accounts, 100,000 posts",
    "viral": "one post, as it grows",
    "partitions": "partitions and workers",
}


def main() -> None:
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 120)
    until = time.monotonic() + LIMIT_S
    chosen = {
        name: some for name, some in points(options.events, options.viral).items() if options.only in {None, name}
    }
    missing: list[Point] = []
    for name, some in chosen.items():
        series = _series(some, until, console)
        missing += some[len(series) :]
        if series:
            console.print(bars(TITLES[name], series), _figures(series))
            if options.plots:
                draw(TITLES[name], series, options.plots / f"{name}.svg")
            if options.json:
                with options.json.open("ab") as out:
                    out.write(orjson.dumps(_report(name, series), option=orjson.OPT_APPEND_NEWLINE))
    for point in missing:
        console.print(f"not measured within {LIMIT_S / 60:g} minutes: {point.series}, {point.label}")
    sys.exit(1 if missing else 0)


def _series(some: list[Point], until: float, console: Console) -> list[Grown]:
    """The points of a series one after the other, as far as the time reaches."""
    found: list[Grown] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twoway-growth-")))
        settings, pids = stack.enter_context(servers(folder))
        client = redis.Redis.from_url(settings.redis_url.reveal())
        shown = stack.enter_context(Progress(console=console))
        for number, point in enumerate(some):
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            task = shown.add_task(f"{point.series}: {point.label}", total=point.events)

            def told(counted: int, task: object = task) -> None:
                shown.update(task, completed=counted)  # type: ignore[arg-type]

            own = replace(settings, topic_prefix=f"g{number}-", group=f"growth{number}", partitions=point.partitions)
            found.append(run_point(point, own, pids, client, folder, left_s, told))
            if point.events <= ORACLE_EVENTS:
                found[-1].proof = _proven(own)
    return found


def _proven(settings: Settings) -> str:
    report = asyncio.run(verify(settings))
    if not report.holds or report.not_applied:
        raise RuntimeError(
            f"{report.rows_different} rows differ, {report.not_applied} are not counted; expected none of both"
        )
    return f"{report.rows_compared:,} rows"


def _figures(series: list[Grown]) -> Table:
    table = Table("point")
    for heading in ("events", "Redis B/page", "worker B/page", "RSS MiB", "others", "proof"):
        table.add_column(heading, justify="right")
    for one in series:
        rss = max(look.rss for look in one.looks) / 2**20
        table.add_row(
            one.point.label, f"{one.point.events:,}", f"{one.redis_page_bytes:,.0f}",
            f"{one.worker_page_bytes:,.0f}", f"{rss:,.0f}", f"{one.others_cores:.2f}", one.proof,
        )  # fmt: skip
    spent = [(one, {name: us / one.point.events for name, us in one.commands.items()}) for one in series]
    costs = [
        f"{one.point.label}, Redis us an event: " + ", ".join(f"{name} {us:.2f}" for name, us in commands.items())
        for one, commands in spent
    ]
    sizes = [f"{kind}: {size:,} bytes" for one in series for kind, size in one.viral_bytes.items()]
    table.caption = "\n".join([*costs, *sizes])
    return table


def _report(name: str, series: list[Grown]) -> dict[str, object]:
    return {"series": name, "points": [asdict(one) for one in series], "lines": lines(series)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--only", choices=sorted(TITLES), help="measure one series")
    parser.add_argument("--events", type=int, default=1_000_000, help="of a point; a quarter for partitions")
    parser.add_argument("--viral", type=int, default=5_000_000, help="interactions of the one viral post")
    parser.add_argument("--plots", type=Path, help="folder for the SVGs")
    parser.add_argument("--json", type=Path, help="append the figures of each series to this file")
    options = parser.parse_args()
    if options.events < 1 or options.viral < 1:
        parser.error(f"--events is {options.events}, --viral is {options.viral}; expected 1 or more of both")
    return options


if __name__ == "__main__":
    main()
