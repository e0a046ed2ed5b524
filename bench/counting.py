"""How fast a full topic becomes exact rows in Redis: our worker beside two others that do the same job.

python -m bench.counting [--events N] [--faust-events N] [--json FILE]. Starts a Kafka and a Redis of its own, fills
`interactions`, then runs one program after the other against the same records, and compares every row with the oracle.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import redis
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.check import Checker
from bench.engine import Stage, run_confluent, run_faust, run_workers
from bench.events import ACCOUNTS, fill
from bench.measured import Measured
from bench.slices import APPLY, FOLD
from pipeline.local.jars import class_path
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.settings import Secret, Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.topic_admin import create_topics

PARTITIONS = 4
#: The first assignment waits until nobody has joined for so long: so all workers begin together, as they do where Kafka
#: has its default (3 s). A local stack waits for nobody.
TOGETHER = "group.initial.rebalance.delay.ms=4000\n"
OURS, CONFLUENT, FAUST = "twoway worker", "confluent-kafka by hand", "plain Faust"
#: The largest account's largest posts and its page: what a query asks for most.
QUERIED_POSTS = 20


def main() -> None:
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory(prefix="twoway-bench-") as folder, servers(Path(folder)) as (settings, pids):
        create_topics(settings)
        console.print(f"filling the topic with {arguments.events:,} interactions")
        console.print(f"filled in {fill(settings, arguments.events):.0f} s")
        runs = list(_runs(settings, pids, arguments, Path(folder), console))
    console.print(_table(runs, arguments.events))
    if arguments.json:
        report = {**_circumstances(arguments.events), "runs": [_as_dict(run, runs) for run in runs]}
        arguments.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    sys.exit(1 if any(run.rows_different for run in runs) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.counting", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="interactions in the topic")
    parser.add_argument("--faust-events", type=int, default=60_000, help="share of them that plain Faust counts")
    parser.add_argument("--only", choices=("twoway", "confluent", "faust"), help="run one program only")
    parser.add_argument("--limit-s", type=float, default=300, help="seconds that one program may take")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args()


@contextmanager
def servers(folder: Path, more: str = "") -> Iterator[tuple[Settings, list[int]]]:
    """A Kafka (`more`: further lines of its properties) and a Redis of our own: settings that name them, and their
    process ids."""
    kafka_port, controller_port, redis_port, worker_port = free_ports(4)
    kafka = KafkaServer(folder / "kafka", kafka_port, controller_port, class_path(), more)
    redis_server = RedisServer(folder / "redis", redis_port)
    try:
        for server in (kafka, redis_server):
            server.start()
        for server in (kafka, redis_server):
            server.wait_healthy()
        settings = Settings(
            kafka_servers=(kafka.servers,),
            redis_url=Secret(redis_server.url),
            partitions=PARTITIONS,
            worker_port=worker_port,
        )
        yield settings, [pid for pid in (kafka.pid, redis_server.pid) if pid]
    finally:
        redis_server.stop()
        kafka.stop()


def _runs(
    settings: Settings, servers: list[int], arguments: argparse.Namespace, folder: Path, console: Console
) -> Iterator[Measured]:
    client = redis.Redis.from_url(settings.redis_url.reveal())
    stage = Stage(settings, client, servers[0], servers[1], folder, arguments.limit_s)
    checker = Checker(settings, client)
    if arguments.only in {None, "twoway"}:
        run = run_workers(OURS, 1, settings.group, stage, queried(settings))
        for difference in checker.check_ours(run):
            console.print(f"[red]different:[/red] {escape(difference)}", highlight=False)
        yield _told(run, console)
        client.flushall()
    peers = {
        "confluent": (run_confluent, CONFLUENT, arguments.events),
        "faust": (run_faust, FAUST, min(arguments.faust_events, arguments.events)),
    }
    for name, (run_it, label, events) in peers.items():
        if arguments.only in {None, name}:
            run = run_it(label, stage, events)
            checker.check_peer(run)
            yield _told(run, console)
            client.flushall()


def _told(run: Measured, console: Console) -> Measured:
    console.print(f"{run.program}: {run.events:,} events in {run.seconds:.1f} s, {run.rows_different} rows different")
    return run


def queried(settings: Settings) -> list[str]:
    """The keys of the pages that are read meanwhile."""
    keys = Keys(settings.key_prefix)
    accounts = [f"{100_000 + number}" for number in range(min(ACCOUNTS, QUERIED_POSTS))]
    posts = [keys.post(slot_of("facebook", account), "facebook", f"{account}_0") for account in accounts]
    return [*posts, keys.account(slot_of("facebook", accounts[0]), "facebook", accounts[0])]


def _circumstances(events: int) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "events": events,
        "partitions": PARTITIONS,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _as_dict(run: Measured, runs: list[Measured]) -> dict[str, Any]:
    derived = {"events_per_s": run.events_per_s, "events_per_cpu_s": run.events_per_cpu_s}
    by_time, by_cpu = _times_faust(run, runs)
    return {**asdict(run), **derived, "times_plain_faust": by_time, "times_plain_faust_by_cpu": by_cpu}


def _times_faust(run: Measured, runs: list[Measured]) -> tuple[float | None, float | None]:
    """How many times plain Faust: events a second, and events a CPU-second."""
    faust = next((one for one in runs if one.program == FAUST), None)
    if faust is None:
        return None, None
    return run.events_per_s / faust.events_per_s, run.events_per_cpu_s / faust.events_per_cpu_s


def _table(runs: list[Measured], events: int) -> Table:
    table = Table(title=f"{events:,} interactions, {PARTITIONS} partitions, {os.cpu_count()} cores")
    for heading in (
        "program",
        "events",
        "events/s",
        "per CPU-s",
        "x Faust",
        "by CPU",
        "Redis us/event",
        "MiB",
        "rows",
        "different",
        "others",
    ):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    for run in runs:
        by_time, by_cpu = _times_faust(run, runs)
        table.add_row(
            run.program,
            f"{run.events:,}",
            f"{run.events_per_s:,.0f}",
            f"{run.events_per_cpu_s:,.0f}",
            "" if by_time is None else f"{by_time:.1f}",
            "" if by_cpu is None else f"{by_cpu:.1f}",
            f"{run.redis_cpu_seconds / run.events * 1e6:.2f}",
            f"{run.rss_mib:.0f}",
            f"{run.rows:,}",
            f"{run.rows_different:,}",
            f"{run.others_cores:.2f}",
        )
    notes = ["others: cores that other programs on this machine kept busy meanwhile"]
    notes += [note for run in runs for note in _notes(run)]
    table.caption = "\n".join(notes)
    return table


def _notes(run: Measured) -> Iterator[str]:
    if run.verify_seconds:
        yield f"twoway verify took {run.verify_seconds:.1f} s, {run.events / run.verify_seconds:,.0f} events/s"
    if run.slices:
        fold, apply = run.slices[FOLD], run.slices[APPLY]
        yield (
            f"{fold.count:,} slices: folded in {fold.mean_ms:.1f} ms on average, applied in {apply.mean_ms:.1f} ms "
            f"(99 % within {apply.p99_below_ms:.0f} ms)"
        )
    if run.query:
        yield (
            f"HGETALL beside {run.program}, {run.query['reads']:,.0f} reads: p50 {run.query['p50_ms']:.2f} ms, "
            f"p99 {run.query['p99_ms']:.2f} ms, max {run.query['max_ms']:.2f} ms"
        )
    if run.published_seconds and run.published_cpu_seconds:
        yield (
            f"until all rows were published too: {run.published_seconds:.1f} s, "
            f"{run.events / run.published_cpu_seconds:,.0f} events per CPU-second"
        )


if __name__ == "__main__":
    main()
