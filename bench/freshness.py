"""How long after a webhook its number stands in Redis.

python -m bench.freshness [--seconds N] [--json FILE]. Starts a Kafka, a Redis, a gateway and a worker of
its own. First the highest load is measured: as many webhooks a second as the gateway answers over 64 connections while
the worker counts. Then webhooks come by a fixed schedule at shares of that load, and a time counts from the moment at
which a webhook should have been sent, whether or not the gateway was ready for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import orjson
import redis
from rich.console import Console
from rich.table import Table

from bench.arrivals import Freshness, watch
from bench.counting import servers
from bench.gateway import CONNECTIONS_FILE, wait_ready
from bench.pacing import PROBE_EVERY
from bench.programs import Program, Progress
from bench.workers import environment
from pipeline.local.ports import free_ports
from pipeline.settings import Settings
from pipeline.store.keys import Keys
from pipeline.topic_admin import create_topics

SHARES = (25, 50, 80)
CONNECTIONS = 64
HIGHEST_REQUESTS = 30_000
LIMIT_S = 600
#: Further than the numbers of any other phase.
PHASE_NUMBERS = 10_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.freshness", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="length of each load")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory(prefix="twoway-bench-") as folder:
        highest, loads = measure_freshness(Path(folder), arguments.seconds, console)
    console.print(_table(highest, loads))
    if arguments.json:
        report = {"highest_per_s": highest, "loads": [asdict(load) for load in loads]}
        arguments.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))


def measure_freshness(folder: Path, seconds: int, console: Console) -> tuple[float, list[Freshness]]:
    """The highest load, webhooks a second, and what each share of it gave."""
    with servers(folder) as (settings, pids), ExitStack() as stack:
        create_topics(settings)
        client = redis.Redis.from_url(settings.redis_url.reveal())
        (port,) = free_ports(1)
        roles = [stack.enter_context(program) for program in _roles(settings, folder, port)]
        wait_ready(port)
        highest = _highest(port)
        console.print(f"highest load: {highest:,.0f} webhooks/s over {CONNECTIONS} connections")
        loads = []
        own = [*pids, *(role.pid for role in roles)]
        for number, share in enumerate(SHARES, 1):
            _wait_counted(settings, client, roles)
            rate = int(highest * share / 100)
            console.print(f"{share} %: {rate:,} webhooks/s for {seconds} s")
            loads.append(
                watch(share, rate, seconds, port, number * PHASE_NUMBERS, Keys(settings.key_prefix), client, own)
            )
        return highest, loads


def _roles(settings: Settings, folder: Path, port: int) -> list[Program]:
    (folder / "connections.toml").write_text(CONNECTIONS_FILE)
    gateway = {
        "TWOWAY_CONNECTIONS_FILE": str(folder / "connections.toml"),
        "TWOWAY_ACTOR_KEY": "0123456789abcdef" * 2,
        "TWOWAY_GATEWAY_PORT": str(port),
    }
    shared = environment(settings)
    worker_port = {"TWOWAY_WORKER_PORT": shared.pop("TWOWAY_WORKER_PORT")}
    return [
        Program(role, [sys.executable, "-m", "pipeline", role], {**shared, **more}, folder / f"{role}.log", LIMIT_S)
        for role, more in (("gateway", gateway), ("worker", worker_port))
    ]


def _highest(port: int) -> float:
    command = [sys.executable, "-m", "bench.posting", str(port), "single", str(HIGHEST_REQUESTS), str(CONNECTIONS)]
    said = orjson.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=LIMIT_S).stdout)
    return float(said["requests"] / said["seconds"])


def _wait_counted(settings: Settings, client: redis.Redis, roles: list[Program]) -> None:
    """Until what came before is counted."""
    with Progress(settings, client) as progress:
        roles[-1].wait_for(lambda: progress.applied_exactly() >= progress.total)


def _table(highest: float, loads: list[Freshness]) -> Table:
    table = Table(
        title=f"from a webhook to its number; highest load {highest:,.0f} webhooks/s; p50 / p99 / max, ms",
        caption="times count from the moment of the schedule; after 2xx: from the gateway's answer on\n"
        f"one webhook in {PROBE_EVERY} is watched; others: cores that other programs kept busy meanwhile",
    )
    headings = ("load", "webhooks/s", "webhooks", "not 2xx", "answered", "number in Redis", "after 2xx", "others")
    for heading in headings:
        table.add_column(heading, justify="right")
    for load in loads:
        times = [
            " / ".join(f"{ms:,.0f}" for ms in each) for each in (load.answer_ms, load.number_ms, load.after_2xx_ms)
        ]
        table.add_row(
            f"{load.share} %", f"{load.webhooks_per_s:,}", f"{load.webhooks:,}", f"{load.not_2xx:,}", *times,
            f"{load.others_cores:.2f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    main()
