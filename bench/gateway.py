"""Webhooks per second through one gateway process, everything on, every 2xx found again in the topic.

python -m bench.gateway [--quick] ; starts a Kafka and a Redis of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import psutil
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from bench.posting import BATCH, SECRET
from pipeline.local.jars import class_path
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.settings import Settings
from pipeline.topic_admin import create_topics
from schemas.topics import INTERACTIONS

PARTITIONS = 8
START_S = 30
LIMIT_S = 300
CONNECTIONS_FILE = f"""
[connections.facebook]
platform = "facebook"
secrets = ["{SECRET}"]
[connections.x]
platform = "x"
secrets = ["{SECRET}"]
"""


@dataclass(frozen=True)
class Load:
    """What is sent: `count` requests of a kind over `connections` connections."""

    name: str
    kind: str
    count: int
    connections: int
    interactions_each: int = 1


LOADS = (
    Load("single, 64 connections", "single", 40_000, 64),
    Load("single, 8 connections", "single", 10_000, 8),
    Load("X reply (directory), 64 connections", "reply", 15_000, 64),
    Load("Meta batch of 1,000, 4 connections", "batch", 400, 4, BATCH),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--only", help="only the loads of this kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), 10 if options.quick else 1, options.only)


def measure(folder: Path, share: int, only: str | None) -> None:
    """Start the servers, send every load, print the table."""
    ports = free_ports(4)
    kafka = KafkaServer(folder / "kafka", ports[0], ports[1], class_path())
    redis = RedisServer(folder / "redis", ports[2])
    try:
        for server in (kafka, redis):
            server.start()
            server.wait_healthy()
        settings = Settings(kafka_servers=(kafka.servers,), partitions=PARTITIONS)
        create_topics(settings)
        (folder / "connections.toml").write_text(CONNECTIONS_FILE)
        env = {
            "TWOWAY_KAFKA_SERVERS": kafka.servers,
            "TWOWAY_REDIS_URL": redis.url,
            "TWOWAY_CONNECTIONS_FILE": str(folder / "connections.toml"),
            "TWOWAY_ACTOR_KEY": "0123456789abcdef" * 2,
            "TWOWAY_GATEWAY_PORT": str(ports[3]),
        }
        gateway = subprocess.Popen([sys.executable, "-m", "pipeline", "gateway"], env={**os.environ, **env})
        try:
            wait_ready(ports[3])
            print("| load | webhooks/s | interactions/s | per CPU-second | p50 ms | p99 ms | max ms | in topic |")
            print("|---|---|---|---|---|---|---|---|")
            for load in LOADS:
                if only in (None, load.kind):
                    run(load, share, ports[3], psutil.Process(gateway.pid), settings)
        finally:
            gateway.terminate()
            gateway.wait()
    finally:
        redis.kill()
        kafka.kill()


def run(load: Load, share: int, port: int, gateway: psutil.Process, settings: Settings) -> None:
    """Send one load and print its row."""
    before, cpu = count_records(settings), cpu_seconds(gateway)
    command = [sys.executable, "-m", "bench.posting", str(port), load.kind]
    sent = subprocess.run(
        [*command, str(load.count // share), str(load.connections)], check=True, stdout=subprocess.PIPE, timeout=LIMIT_S
    )
    figures = orjson.loads(sent.stdout)
    total = sum(figures["statuses"].values()) * load.interactions_each
    cpu, found = cpu_seconds(gateway) - cpu, count_records(settings) - before
    rate = figures["requests"] / figures["seconds"]
    answered = figures["statuses"].get("200", 0) * load.interactions_each
    print(
        f"| {load.name} | {rate:,.0f} | {rate * load.interactions_each:,.0f} | {total / cpu:,.0f} "
        f"| {figures['p50_ms']:.1f} | {figures['p99_ms']:.1f} | {figures['max_ms']:.1f} "
        f"| {found:,} of {answered:,} |",
        flush=True,
    )


def count_records(settings: Settings) -> int:
    """How many records the topic has."""
    name = settings.topic(INTERACTIONS.name)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        wanted = {TopicPartition(name, partition): OffsetSpec.LATEST for partition in range(settings.partitions)}
        return sum(found.offset for found in admin.list_partition_offsets(wanted).values())


def cpu_seconds(process: psutil.Process) -> float:
    """Processor seconds that the process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def wait_ready(port: int) -> None:
    """Until the gateway says that it is ready."""
    until = time.monotonic() + START_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > until:
            raise TimeoutError("the gateway did not become ready")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
