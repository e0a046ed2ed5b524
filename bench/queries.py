"""How long a query takes while a worker catches up, and how long it takes without one: on this machine, by turns.

python -m bench.queries [--events N] [--slices N,N] [--json FILE]. Starts a Kafka and a Redis of its own. A second
process reads the largest pages with `HGETALL` at READS_PER_S by a fixed schedule, once for each size of a slice beside
a worker that catches up; then, the pages as large as before, beside nothing, and beside as many busy loops as there are
cores. Those leave Redis alone: what a read takes beside them it takes for want of a processor.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import redis
from rich.console import Console
from rich.table import Table

from bench.counting import queried, servers
from bench.events import fill
from bench.machine import Others
from bench.programs import Probe, Program, Progress
from bench.workers import environment
from pipeline.settings import Settings
from pipeline.topic_admin import create_topics

READS_PER_S = 1_000
LIMIT_S = 600
#: Seconds of reading without a worker.
CONTROL_S = 5
#: The default, and two that make scripts shorter.
SLICES = "80000,10000,2000"
#: Figures of one row: reads, p50_ms, p99_ms, max_ms, others_cores; events_per_s beside a worker.
Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.queries", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000, help="interactions to catch up with")
    parser.add_argument("--slices", default=SLICES, help="sizes of a slice, TWOWAY_SLICE_EVENTS")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    rows: dict[str, Figures] = {}
    for number, slice_events in enumerate(arguments.slices.split(",")):
        with tempfile.TemporaryDirectory(prefix="twoway-bench-") as folder, servers(Path(folder)) as (settings, pids):
            create_topics(settings)
            fill(settings, arguments.events)
            rows[f"worker, slices of {int(slice_events):,}"] = _beside_worker(
                settings, pids, Path(folder), {"TWOWAY_SLICE_EVENTS": slice_events}
            )
            if number == 0:
                rows["nothing"] = _beside_nothing(settings, pids)
                with _busy_cores() as busy:
                    rows[f"{len(busy)} busy loops"] = _beside_nothing(settings, [*pids, *busy])
    Console(width=None if sys.stdout.isatty() else 140).print(_table(rows))
    if arguments.json:
        arguments.json.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))


def _beside_worker(settings: Settings, pids: list[int], folder: Path, options: dict[str, str]) -> Figures:
    client = redis.Redis.from_url(settings.redis_url.reveal())
    command = [sys.executable, "-m", "pipeline", "worker"]
    worker_program = Program("twoway worker", command, environment(settings) | options, folder / "worker.log", LIMIT_S)
    with Progress(settings, client) as progress, worker_program as worker:
        worker.wait_for(lambda: progress.applied_about() > 0)
        with Probe(client, queried(settings), READS_PER_S) as reader:
            others = Others([*pids, worker.pid, reader.pid])
            before, began = progress.applied_exactly(), time.monotonic()
            worker.wait_for(lambda: progress.applied_about() >= progress.total)
            rate, others_cores = (progress.total - before) / (time.monotonic() - began), others.cores(0.0)
            measured = reader.result()
        return {**measured, "events_per_s": rate, "others_cores": others_cores}


def _beside_nothing(settings: Settings, pids: list[int]) -> Figures:
    client = redis.Redis.from_url(settings.redis_url.reveal())
    with Probe(client, queried(settings), READS_PER_S) as reader:
        others = Others([*pids, reader.pid])
        time.sleep(CONTROL_S)
        others_cores = others.cores(0.0)
        return {**reader.result(), "others_cores": others_cores}


@contextmanager
def _busy_cores() -> Iterator[list[int]]:
    """A busy loop for each core; gives their process ids."""
    loops = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for loop in loops:
        loop.start()
    try:
        yield [loop.pid for loop in loops if loop.pid is not None]
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


def _spin() -> None:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        pass


def _table(rows: dict[str, Figures]) -> Table:
    table = Table(
        title=f"HGETALL of the largest pages, {READS_PER_S:,} reads/s by a schedule, ms",
        caption="others: cores that other programs kept busy meanwhile",
    )
    table.add_column("beside")
    for heading in ("reads", "p50", "p99", "max", "events/s", "others"):
        table.add_column(heading, justify="right")
    for name, row in rows.items():
        rate = f"{row['events_per_s']:,.0f}" if "events_per_s" in row else ""
        table.add_row(
            name, f"{row['reads']:,.0f}", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{row['max_ms']:.1f}", rate,
            f"{row['others_cores']:.2f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    main()
