"""Our worker against the engines that others would take: the same topic, the same machine, every row compared.

python -m bench.engines [--events N] [--runs N] [--bare] [--only NAME,...] [--json FILE]. Starts a Kafka and a Redis
of its own, fills `interactions`, then runs the programs by turns, each as often as asked, every run against an empty
Redis. A program that fails is told with its reason and left out of the next turns; the others go on. Ends with 1
where a program failed or a row was wrong.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import redis
from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.check import Checker
from bench.contest import Contest
from bench.counting import PARTITIONS, TOGETHER, servers
from bench.engine import Stage
from bench.events import fill, records
from bench.measured import Failure, Measured
from bench.peers import java
from bench.programs import ProgramError
from bench.roster import CORES, ENGINES, HEADINGS, OURS, Engine
from pipeline.clock import wall_clock
from pipeline.errors import TwowayError
from pipeline.topic_admin import create_topics

#: What ends one run and not the others.
FAILURES = (ProgramError, TwowayError, KafkaError, redis.RedisError, OSError)


def main() -> None:
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 160, emoji=False)
    engines = wanted(arguments.only, console)
    contest = Contest(OURS)
    with (
        tempfile.TemporaryDirectory(prefix="twoway-bench-") as folder,
        servers(Path(folder), TOGETHER) as (settings, pids),
    ):
        create_topics(settings)
        console.print(f"filling the topic with {arguments.events:,} interactions")
        made = records(arguments.events, wall_clock(), are_bare=arguments.bare)
        console.print(f"filled in {fill(settings, arguments.events, made):.0f} s")
        client = redis.Redis.from_url(settings.redis_url.reveal())
        stage = Stage(settings, client, pids[0], pids[1], Path(folder), arguments.limit_s)
        try:
            run_all(contest, stage, engines, arguments, console)
        finally:  # also of a run that was interrupted: what was measured is told
            _tell(contest, engines, arguments, console)
    sys.exit(0 if contest.is_well else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="interactions in the topic")
    parser.add_argument("--faust-events", type=int, default=60_000, help="share of them that plain Faust counts")
    parser.add_argument("--runs", type=int, default=3, help="how often each program runs; the median is told")
    parser.add_argument("--bare", action="store_true", help="interactions without actors and texts")
    parser.add_argument("--only", help=f"some of them, with commas: {','.join(ENGINES)}")
    parser.add_argument("--limit-s", type=float, default=180, help="seconds that one run may take")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args()


def wanted(only: str | None, console: Console) -> dict[str, Engine]:
    """The programs that were asked for, without those of the JVM where they cannot be built or run here."""
    names = only.split(",") if only else list(ENGINES)
    if unknown := set(names) - ENGINES.keys():
        sys.exit(f"--only names {', '.join(sorted(unknown))}; expected some of {', '.join(ENGINES)}")
    found = {name: ENGINES[name] for name in names}
    if any(engine.is_java for engine in found.values()):
        try:
            if java.build():
                console.print("built the JVM peers")
        except java.MissingError as error:
            console.print(f"[yellow]skipped: {', '.join(n for n, e in found.items() if e.is_java)}:[/yellow] {error}")
            found = {name: engine for name, engine in found.items() if not engine.is_java}
    return found


def run_all(
    contest: Contest, stage: Stage, engines: Mapping[str, Engine], arguments: argparse.Namespace, console: Console
) -> None:
    """All programs by turns into the contest: its runs and its failures."""
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    checker = Checker(stage.settings, stage.client)
    left = dict(engines)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=arguments.runs * len(engines))
        for number in range(1, arguments.runs + 1):
            for name, engine in list(left.items()):
                bar.update(task, description=f"{engine.label}, run {number}")
                events = min(arguments.faust_events, arguments.events) if engine.counts_a_share else arguments.events
                stage.client.flushall()
                try:
                    run = _run(stage, engine, events, f"{name}-{number}", checker)
                except FAILURES as error:
                    contest.failures.append(Failure(engine.label, number, f"{error}" or type(error).__name__))
                    del left[name]
                    _tell_failure(contest.failures[-1], error, console)
                else:
                    contest.runs.append(run)
                    _tell_run(run, console)
                bar.advance(task)


def _run(stage: Stage, engine: Engine, events: int, name: str, checker: Checker) -> Measured:
    folder = stage.folder / name
    folder.mkdir()
    run = engine.run(engine.label, replace(stage, folder=folder), events, name)
    if engine.is_ours:
        checker.check_ours(run)
    else:
        checker.check_peer(run)
    return run


def _tell_run(run: Measured, console: Console) -> None:
    console.print(
        f"{run.program}: {run.events_per_s:,.0f} events/s, {run.events_per_all_cpu_s:,.0f} a CPU-second "
        f"with Redis', {run.rows_different} of {run.rows:,} rows different"
    )


def _tell_failure(failure: Failure, error: BaseException, console: Console) -> None:
    console.print(f"{failure.program} failed in run {failure.number}, the others go on: {failure.reason}", markup=False)
    if isinstance(error, ProgramError) and error.log:
        console.print(error.log, markup=False, highlight=False, style="dim")


def _tell(contest: Contest, engines: Mapping[str, Engine], arguments: argparse.Namespace, console: Console) -> None:
    console.print(contest.tables(f"{arguments.events:,} interactions, {PARTITIONS} partitions, {CORES} cores"))
    console.print(work_table(engines))
    if arguments.json:
        report = {
            **_circumstances(arguments),
            "programs": contest.as_dict(),
            "work": {engine.label: asdict(engine.work) for engine in engines.values()},
            "runs": [asdict(run) for run in contest.runs],
            "failures": [asdict(failure) for failure in contest.failures],
        }
        arguments.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def work_table(engines: Mapping[str, Engine]) -> Table:
    """What each program does for its figures, and what it leaves out."""
    table = Table(title="what they do beside counting the rows into Redis")
    table.add_column("program")
    for heading in HEADINGS:
        table.add_column(heading)
    for engine in engines.values():
        table.add_row(engine.label, *asdict(engine.work).values())
    return table


def _circumstances(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "events": arguments.events,
        "runs_asked": arguments.runs,
        "partitions": PARTITIONS,
        "cores": CORES,
        "python": platform.python_version(),
        "java": java.version(),
    }


if __name__ == "__main__":
    main()
