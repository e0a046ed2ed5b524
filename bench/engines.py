"""Our worker against the engines that others would take: the same topic, the same machine, every row compared.

python -m bench.engines [--events N] [--runs N] [--only NAME,...] [--json FILE]. Starts a Kafka and a Redis of its own,
fills `interactions`, then runs the programs by turns, each as often as asked, every run against an empty Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import redis
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.check import compare, count_again
from bench.contest import as_dict, tables
from bench.counting import PARTITIONS, servers
from bench.engine import Stage, run_peer, run_workers
from bench.events import fill
from bench.measured import Measured
from bench.peers import java
from pipeline.proving.expected import PageName
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from pipeline.topic_admin import create_topics
from schemas.topics import INTERACTIONS

CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Engine:
    """A program to measure. `run` is given the stage, the events to count and a name that no other run has."""

    label: str
    run: Callable[[str, Stage, int, str], Measured]
    is_ours: bool = False
    is_java: bool = False


def _workers(count: int) -> Callable[[str, Stage, int, str], Measured]:
    return lambda label, stage, _, name: run_workers(label, count, name, stage)


def _flink(label: str, stage: Stage, events: int, _: str) -> Measured:
    command = java.FLINK.command(*stage.address, str(events), str(stage.folder / "checkpoints"), str(CORES))
    return run_peer(label, command, {}, stage)


def _streams(label: str, stage: Stage, events: int, name: str) -> Measured:
    command = java.STREAMS.command(*stage.address, str(events), str(stage.folder / "state"), str(CORES), name)
    measured = run_peer(label, command, {}, stage)
    with KafkaAdminClient(bootstrap_servers=list(stage.settings.kafka_servers)) as admin:
        # Its changelog: the broker would clean it while the next program runs.
        admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(f"{name}-")])
    return measured


def _confluent(label: str, stage: Stage, events: int, _: str) -> Measured:
    return run_peer(label, [sys.executable, "-m", "bench.peers.confluent", *stage.address, str(events)], {}, stage)


def _faust(label: str, stage: Stage, events: int, _: str) -> Measured:
    command = [sys.executable, "-m", "bench.peers.plain_faust", "worker", "--without-web", "-l", "error"]
    return run_peer(label, command, {"PEER": " ".join([*stage.address, str(events)])}, stage)


ENGINES = {
    "twoway": Engine("twoway worker", _workers(1), is_ours=True),
    "twoway2": Engine("2 twoway workers", _workers(2), is_ours=True),
    "flink": Engine("Apache Flink 2.3", _flink, is_java=True),
    "streams": Engine("Kafka Streams 4.3", _streams, is_java=True),
    "confluent": Engine("confluent-kafka by hand", _confluent),
    "faust": Engine("plain Faust", _faust),
}


def main() -> None:
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 160)
    engines = _wanted(arguments.only, console)
    with tempfile.TemporaryDirectory(prefix="twoway-bench-") as folder, servers(Path(folder)) as (settings, pids):
        create_topics(settings)
        console.print(f"filling the topic with {arguments.events:,} interactions")
        console.print(f"filled in {fill(settings, arguments.events):.0f} s")
        client = redis.Redis.from_url(settings.redis_url.reveal())
        stage = Stage(settings, client, pids[0], pids[1], Path(folder), arguments.limit_s)
        runs = list(_runs(stage, engines, arguments, console))
    console.print(tables(runs, f"{arguments.events:,} interactions, {PARTITIONS} partitions, {CORES} cores"))
    if arguments.json:
        report = {**_circumstances(arguments), "programs": as_dict(runs), "runs": [asdict(run) for run in runs]}
        arguments.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    sys.exit(1 if any(run.rows_different for run in runs) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="interactions in the topic")
    parser.add_argument("--faust-events", type=int, default=60_000, help="share of them that plain Faust counts")
    parser.add_argument("--runs", type=int, default=3, help="how often each program runs; the median is told")
    parser.add_argument("--only", help=f"some of them, with commas: {','.join(ENGINES)}")
    parser.add_argument("--limit-s", type=float, default=600, help="seconds that one run may take")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args()


def _wanted(only: str | None, console: Console) -> dict[str, Engine]:
    names = only.split(",") if only else list(ENGINES)
    if unknown := set(names) - ENGINES.keys():
        sys.exit(f"--only names {', '.join(sorted(unknown))}; expected some of {', '.join(ENGINES)}")
    wanted = {name: ENGINES[name] for name in names}
    if any(engine.is_java for engine in wanted.values()):
        try:
            if java.build():
                console.print("built the JVM peers")
        except java.MissingError as error:
            console.print(f"[yellow]skipped: {', '.join(n for n, e in wanted.items() if e.is_java)}:[/yellow] {error}")
            wanted = {name: engine for name, engine in wanted.items() if not engine.is_java}
    return wanted


def _runs(
    stage: Stage, engines: Mapping[str, Engine], arguments: argparse.Namespace, console: Console
) -> Iterator[Measured]:
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    checker = _Checker(stage.settings, stage.client)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=arguments.runs * len(engines))
        for number in range(arguments.runs):
            for name, engine in engines.items():
                bar.update(task, description=f"{engine.label}, run {number + 1}")
                folder = stage.folder / f"{name}-{number}"
                folder.mkdir()
                events = min(arguments.faust_events, arguments.events) if name == "faust" else arguments.events
                run = engine.run(engine.label, replace(stage, folder=folder), events, f"{name}-{number}")
                checker.check(run, engine.is_ours)
                stage.client.flushall()
                bar.advance(task)
                console.print(
                    f"{run.program}: {run.events_per_s:,.0f} events/s, {run.events_per_all_cpu_s:,.0f} a CPU-second "
                    f"with Redis', {run.rows_different} of {run.rows:,} rows different"
                )
                yield run


def topic_ends(settings: Settings) -> dict[int, int]:
    """Partition of `interactions` -> its end."""
    name = settings.topic(INTERACTIONS.name)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        wanted = {TopicPartition(name, partition): OffsetSpec.LATEST for partition in range(settings.partitions)}
        return {tp.partition: found.offset for tp, found in admin.list_partition_offsets(wanted).items()}


class _Checker:
    """Compares rows with the oracle, which counts the whole topic once for all peers."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._settings, self._client = settings, client
        self._ends = topic_ends(settings)
        self._expected: dict[PageName, dict[str, str]] | None = None

    def check(self, run: Measured, is_ours: bool) -> None:
        """Compare what is in Redis now. Raises RuntimeError where a program says that it counted something else."""
        if is_ours:
            report = asyncio.run(verify(self._settings))
            run.rows, run.rows_different = report.rows_compared, report.rows_different + report.unsettled
            return
        ends = run.offsets or self._ends
        if sum(ends.values()) != run.events:
            raise RuntimeError(f"{run.program} counted {run.events:,} records; expected {sum(ends.values()):,}")
        if ends != self._ends:
            run.rows, run.rows_different = compare(self._client, asyncio.run(count_again(self._settings, ends)))
            return
        if self._expected is None:
            self._expected = asyncio.run(count_again(self._settings, ends))
        run.rows, run.rows_different = compare(self._client, self._expected)


def _circumstances(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "events": arguments.events,
        "runs": arguments.runs,
        "partitions": PARTITIONS,
        "cores": CORES,
        "python": platform.python_version(),
        "java": java.version(),
    }


if __name__ == "__main__":
    main()
