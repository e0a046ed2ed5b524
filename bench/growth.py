"""What an event costs and a page holds as everything grows: posts, accounts, one viral post, partitions and workers.

python -m bench.growth [--only posts|accounts|viral|partitions] [--events N] [--viral N] [--plots FOLDER] [--json FILE].
Starts a Kafka and a Redis of its own on loopback for each series; every point has topics of its own and an empty Redis.
The whole run takes 25 minutes at the most: after that, as where a worker fails, it says what is missing and ends with
exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import orjson
import redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.counting import TOGETHER, servers
from bench.growth_figures import Grown, assigned_again, further_page
from bench.growth_plots import bars, draw, lines
from bench.growth_points import Point, points
from bench.growth_run import run_point
from bench.programs import ProgramError
from pipeline.proving.verify import verify
from pipeline.settings import Settings

LIMIT_S = 25 * 60.0
#: Larger points are proven by totals: the oracle's dictionaries would take minutes and gigabytes.
ORACLE_EVENTS, ORACLE_PAGES = 1_000_000, 200_000
COLUMNS = (TextColumn("{task.description:64}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
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
        console.print(f"not measured: {point.series}, {point.label}")
    sys.exit(1 if missing else 0)


def _series(some: list[Point], until: float, console: Console) -> list[Grown]:
    """The points of a series one after the other, as far as the time reaches."""
    found: list[Grown] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twoway-growth-")))
        settings, pids = stack.enter_context(servers(folder, TOGETHER if any(p.workers > 1 for p in some) else ""))
        client = redis.Redis.from_url(settings.redis_url.reveal())
        shown = stack.enter_context(Progress(*COLUMNS, console=console))
        for number, point in enumerate(some):
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            name = f"{point.series}: {point.label}"
            task = shown.add_task(name, total=point.events)

            def told(doing: str, done: int, task: TaskID = task, name: str = name) -> None:
                shown.update(task, description=f"{name}, {doing}", completed=done)

            own = replace(
                settings,
                topic_prefix=f"g{number}-",
                group=f"growth{number}",
                partitions=point.partitions,
                cache_entries=point.cache_entries,
            )
            try:
                found.append(run_point(point, own, pids, client, folder, left_s, told))
            except ProgramError as error:
                # The others of this run keep their figures; what is missing is told at the end.
                console.print(f"{name}: {error}\n{error.log}", markup=False)
                break
            if point.events <= ORACLE_EVENTS and point.pages <= ORACLE_PAGES:
                told("compared with the oracle", point.events)
                found[-1].proof = _proven(own)
            console.print(_line(found[-1]), highlight=False)
    return found


def _proven(settings: Settings) -> str:
    report = asyncio.run(verify(settings))
    if not report.holds or report.not_applied:
        raise RuntimeError(
            f"{report.rows_different} rows differ, {report.not_applied} are not counted; expected none of both"
        )
    return f"{report.rows_compared:,} rows"


def _line(one: Grown) -> str:
    """A point at once, in case the run is ended before the series is."""
    seconds = one.looks[-1].at_s - one.looks[0].at_s
    return (
        f"{one.point.series}, {one.point.label}: {one.worker_us:.2f} CPU-us of workers and {one.redis_us:.2f} of Redis "
        f"an event, {seconds:.1f} s, others {one.others_cores:.2f} cores"
    )


def _figures(series: list[Grown]) -> Table:
    table = Table("point")
    for heading in ("events", "events/s", "Redis B/page", "worker B/page", "RSS MiB", "others", "proof"):
        table.add_column(heading, justify="right")
    for one in series:
        table.add_row(
            one.point.label, f"{one.point.events:,}", f"{one.events_per_s:,.0f}", f"{one.redis_page_bytes:,.0f}",
            f"{one.worker_page_bytes:,.0f}", f"{one.most_rss / 2**20:,.0f}", f"{one.others_cores:.2f}", one.proof,
        )  # fmt: skip
    table.caption = "\n".join(_notes(series))
    return table


def _notes(series: list[Grown]) -> Iterator[str]:
    """What stands below the figures, a line each."""
    for one in series:
        spent = {name: us / one.point.events for name, us in one.commands.items()}
        told = ", ".join(f"{name} {us:.2f}" for name, us in spent.items())
        rewrite_us = one.rewrite_s / one.point.events * 1e6
        yield f"{one.point.label}, Redis us an event: {told}; append-only file written anew {rewrite_us:.2f} CPU-us"
    if series[0].point.series == "posts":
        for before, after in pairwise(series):
            if before.point.events == after.point.events:
                server, worker = further_page(before, after)
                yield f"a page more, up to {after.point.label}: Redis {server:,.0f} bytes, worker {worker:,.0f} bytes"
    for one in assigned_again(series):
        yield f"{one.point.label}: partitions moved meanwhile, so its figures are too high"
    for one in series:
        for kind, size in one.viral_bytes.items():
            yield f"{one.point.label}, {kind}: {size:,} bytes"
        if later := one.later:
            yield (
                f"{one.point.label}, then {later.events_per_s:.0f} events/s: worker {later.worker_cores:.3f} cores, "
                f"Redis {later.redis_cores:.3f}, {later.loads_per_s:.2f} pages loaded a second"
            )


def _report(name: str, series: list[Grown]) -> dict[str, object]:
    return {"series": name, "points": [asdict(one) for one in series], "lines": [list(line) for line in lines(series)]}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--only", choices=sorted(TITLES), help="measure one series")
    parser.add_argument("--events", type=int, default=300_000, help="of a point, where it has no more posts")
    parser.add_argument("--viral", type=int, default=5_000_000, help="interactions of the one viral post")
    parser.add_argument("--plots", type=Path, help="folder for the SVGs")
    parser.add_argument("--json", type=Path, help="append the figures of each series to this file")
    options = parser.parse_args()
    if options.events < 1 or options.viral < 1:
        parser.error(f"--events is {options.events}, --viral is {options.viral}; expected 1 or more of both")
    return options


if __name__ == "__main__":
    main()
