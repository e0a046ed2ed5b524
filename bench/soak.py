"""Memory over time: a gateway, a worker, Kafka and Redis under steady load, looked at every second.

python -m bench.soak [--minutes 15] [--rate 800] [--plot docs/images/soak.svg] ; starts servers of its own, ends with a
table, the slope of each line after warming up, and a proof that everything acknowledged was counted. Exit code 1 where
that does not hold, or the memory of gateway or worker goes on growing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
from redis.asyncio import Redis

from bench.machine import Others
from bench.memory import Sample, Slope, draw, slope_of
from bench.soak_load import CONNECTIONS_FILE, Load
from pipeline.local.children import Child
from pipeline.local.jars import class_path
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.proving.verify import verify
from pipeline.settings import Secret, Settings
from pipeline.topic_admin import create_topics

PARTITIONS = 4
START_S = 60.0
#: What is left out of the slopes: caches fill, the allocators find their size.
WARM = 2 / 3
#: Three blocks of half a minute after warming up, and one to spare.
LEAST_MINUTES = 6
#: MB an hour that a line may still rise, beyond three of its standard errors. Redis grows with what it keeps.
MOST_SLOPES = {"gateway": 5.0, "worker": 30.0}
TOLD_S = 30.0
APPLIED_S = 120.0
ACTOR_KEY = "0123456789abcdef" * 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=800.0, help="webhooks a second, one interaction each")
    parser.add_argument(
        "--cache-entries", type=int, default=50_000, help="of the worker; few, so that they are full soon"
    )
    parser.add_argument("--plot", type=Path, help="an SVG or PNG of the lines")
    options = parser.parse_args()
    if options.minutes < LEAST_MINUTES:
        parser.error(
            f"--minutes is {options.minutes:g}; expected {LEAST_MINUTES} or more, for a slope after warming up"
        )
    with tempfile.TemporaryDirectory() as folder, _servers(Path(folder)) as (settings, redis_pid):
        holds = asyncio.run(_soak(settings, Path(folder), redis_pid, options))
    sys.exit(0 if holds else 1)


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[Settings, int]]:
    """A Kafka and a Redis with topics made; gives the settings of the roles and Redis' process."""
    ports = free_ports(5)
    kafka, redis = (
        KafkaServer(folder / "kafka", ports[0], ports[1], class_path()),
        RedisServer(folder / "redis", ports[2]),
    )
    try:
        for server in (kafka, redis):
            server.start()
            server.wait_healthy()
        settings = Settings(
            kafka_servers=(kafka.servers,),
            redis_url=Secret(redis.url),
            partitions=PARTITIONS,
            actor_key=Secret(ACTOR_KEY),
            gateway_port=ports[3],
            worker_port=ports[4],
            connections_file=str(folder / "connections.toml"),
        )
        create_topics(settings)
        assert redis.pid is not None
        yield settings, redis.pid
    finally:
        redis.kill()
        kafka.kill()


@asynccontextmanager
async def _roles(settings: Settings, folder: Path, cache_entries: int) -> AsyncIterator[dict[str, int]]:
    """Gateway and worker as processes of their own; gives their ids once both are ready."""
    (folder / "connections.toml").write_text(CONNECTIONS_FILE)
    env = os.environ | {
        "TWOWAY_KAFKA_SERVERS": settings.kafka_servers[0],
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_CONNECTIONS_FILE": settings.connections_file,
        "TWOWAY_ACTOR_KEY": ACTOR_KEY,
        "TWOWAY_PARTITIONS": str(PARTITIONS),
        "TWOWAY_CACHE_ENTRIES": str(cache_entries),
        "TWOWAY_GATEWAY_PORT": str(settings.gateway_port),
        "TWOWAY_WORKER_PORT": str(settings.worker_port),
    }
    ports = {"gateway": settings.gateway_port, "worker": settings.worker_port}
    roles = [Child(role, [sys.executable, "-m", "pipeline", role], folder / f"{role}.log", env) for role in ports]
    try:
        for role in roles:
            role.start()
            await _wait_ready(ports[role.name])
        yield {role.name: role.pid for role in roles if role.pid is not None}
    finally:
        for role in roles:
            role.stop()


async def _wait_ready(port: int) -> None:
    until = time.monotonic() + START_S
    async with httpx.AsyncClient() as client:
        while time.monotonic() < until:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
    raise TimeoutError(f"nothing on port {port} became ready within {START_S:g} s")


async def _soak(settings: Settings, folder: Path, redis_pid: int, options: argparse.Namespace) -> bool:
    """The run; gives whether all that was acknowledged was counted rightly."""
    async with _roles(settings, folder, options.cache_entries) as roles:
        pids = {**roles, "redis": redis_pid}
        processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        samples: list[Sample] = []
        others = Others(pids.values())
        async with (
            Load(settings.gateway_port, options.rate) as load,
            Redis.from_url(settings.redis_url.reveal()) as redis,
        ):
            began = told = time.monotonic()
            while (passed := time.monotonic() - began) < options.minutes * 60:
                used = (await redis.info("memory"))["used_memory"]
                bytes_of = {name: process.memory_info().rss for name, process in processes.items()}
                samples.append(Sample(passed, {**bytes_of, "redis data": used}, load.taken, load.other))
                if time.monotonic() - told >= TOLD_S:
                    told = time.monotonic()
                    print(_line(samples[-1]), flush=True)
                await asyncio.sleep(1.0)
            busy = others.cores(0.0)
        report = await verify(settings, wait_s=APPLIED_S)
    slopes = {name: slope_of(samples, name, WARM) for name in samples[0].bytes_of}
    _print_table(samples, slopes, busy)
    right = report.holds and not report.not_applied and report.interactions >= load.taken
    print(
        f"\n{load.taken:,} webhooks taken, {load.other:,} not; {report.interactions:,} interactions in the topic,"
        f" {report.rows_compared:,} rows compared, {report.rows_different} different, {report.not_applied} not counted"
    )
    if options.plot:
        draw(samples, slopes, WARM, options.plot)
    growing = [name for name, most in MOST_SLOPES.items() if slopes[name].mb_per_hour - 3 * slopes[name].error > most]
    for name in growing:
        print(f"{name} grows by {slopes[name].mb_per_hour:.1f} MB an hour; expected {MOST_SLOPES[name]:g} at the most")
    return right and not growing


def _line(sample: Sample) -> str:
    sizes = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sample.bytes_of.items())
    return f"{sample.passed_s / 60:5.1f} min: {sample.taken:,} taken, {sample.other} not; {sizes}"


def _print_table(samples: list[Sample], slopes: dict[str, Slope], busy: float) -> None:
    rate = samples[-1].taken / samples[-1].passed_s
    print(f"\n{samples[-1].passed_s / 60:.0f} minutes at {rate:.0f} webhooks/s; others kept {busy:.1f} cores busy\n")
    print("| memory | begin MB | end MB | most MB | slope MB an hour |")
    print("|---|---|---|---|---|")
    for name, slope in slopes.items():
        sizes = [sample.bytes_of[name] / 1e6 for sample in samples]
        print(
            f"| {name} | {sizes[0]:.1f} | {sizes[-1]:.1f} | {max(sizes):.1f}"
            f" | {slope.mb_per_hour:+.1f} ± {slope.error:.1f} |"
        )


if __name__ == "__main__":
    main()
