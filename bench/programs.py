"""Runs a program against the full topic and measures it: events and processor seconds, its own and Redis', and memory.

A peer measures itself from its first batch on. The worker knows nothing of being measured: it is watched from outside,
from the first slice it applied until every slot has applied the topic's end, and further until it has published all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
import redis
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from bench.machine import Others
from bench.slices import Took, slices
from pipeline.settings import Settings
from pipeline.slots import slots_of_partition
from pipeline.store.keys import Keys
from schemas.topics import INTERACTIONS

POLL_S = 0.05
#: Reads a second beside a worker that catches up.
READS_PER_S = 500


@dataclass
class Run:
    """One program's figures. `cpu_seconds` is the program's own; Redis' stands beside it."""

    program: str
    events: int
    seconds: float
    cpu_seconds: float
    redis_cpu_seconds: float
    rss_mib: float
    offsets: dict[int, int] = field(default_factory=dict)
    published_seconds: float | None = None
    published_cpu_seconds: float | None = None
    query: dict[str, float] | None = None
    slices: dict[str, Took] | None = None
    others_cores: float = 0.0
    verify_seconds: float | None = None
    rows: int = 0
    rows_different: int = 0

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds

    @property
    def events_per_cpu_s(self) -> float:
        return self.events / self.cpu_seconds


class Program:
    """A running child, its output in `log`, killed at the end of the `with`."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path, limit_s: float) -> None:
        self.name, self.log = name, log
        self._limit_s = limit_s
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        self._seen = psutil.Process(self._process.pid)
        self.began = time.perf_counter()
        self._until = time.monotonic() + limit_s
        self.rss_mib = 0.0
        self.cpu_seconds_at_last = 0.0

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Processor seconds that it has used."""
        times = self._seen.cpu_times()
        return times.user + times.system

    def is_running(self) -> bool:
        """Whether it still runs; looks at its memory and its time too. Raises when it takes too long or failed."""
        code = self._process.poll()
        if code:
            raise RuntimeError(f"{self.name} ended with exit code {code}:\n{self._tail()}")
        if time.monotonic() > self._until:
            raise TimeoutError(f"{self.name} did not end within {self._limit_s:g} s:\n{self._tail()}")
        if code is None:
            self.rss_mib = max(self.rss_mib, self._seen.memory_info().rss / 2**20)
            self.cpu_seconds_at_last = self.cpu_seconds()
        return code is None

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until the condition holds. Raises when the program ends before."""
        while not condition():
            if not self.is_running():
                raise RuntimeError(f"{self.name} ended too early:\n{self._tail()}")
            time.sleep(POLL_S)


def run_peer(
    name: str,
    command: list[str],
    env: Mapping[str, str],
    client: redis.Redis,
    servers: list[int],
    log: Path,
    limit_s: float,
) -> Run:
    """A peer until it has printed its outcome and ended. `servers`: the process ids of Kafka and Redis."""
    others = Others(servers)
    redis_before = redis_cpu_seconds(client)
    with Program(name, command, env, log, limit_s) as program:
        while program.is_running():
            time.sleep(POLL_S)
    said = orjson.loads(log.read_bytes().splitlines()[-1])
    redis_cpu = redis_cpu_seconds(client) - redis_before
    others_cores = others.cores(program.cpu_seconds_at_last)
    run = Run(name, said["events"], said["seconds"], said["cpu_seconds"], redis_cpu, program.rss_mib)
    run.others_cores = others_cores
    run.offsets = {int(partition): offset for partition, offset in said["offsets"].items()}
    return run


def run_worker(
    settings: Settings,
    env: Mapping[str, str],
    client: redis.Redis,
    servers: list[int],
    queried: list[str],
    log: Path,
    limit_s: float,
) -> Run:
    """One `twoway worker` until all is applied and published, with a second program that reads pages meanwhile."""
    progress = Progress(settings, client)
    command = [sys.executable, "-m", "pipeline", "worker"]
    with Program("twoway worker", command, env, log, limit_s) as program:
        program.wait_for(lambda: progress.applied_about() > 0)
        with Probe(client, queried) as probe:
            before, began, cpu = progress.applied_exactly(), time.perf_counter(), program.cpu_seconds()
            redis_before, others = redis_cpu_seconds(client), Others([*servers, probe.pid])
            program.wait_for(lambda: progress.applied_about() >= progress.total)
            program.wait_for(lambda: progress.applied_exactly() >= progress.total)
            seconds, cpu_seconds = time.perf_counter() - began, program.cpu_seconds() - cpu
            redis_cpu = redis_cpu_seconds(client) - redis_before
            others_cores = others.cores(cpu_seconds)
            query = probe.result()
        events = progress.total - before
        run = Run("twoway worker", events, seconds, cpu_seconds, redis_cpu, program.rss_mib, query=query)
        run.slices, run.others_cores = slices(settings.worker_port), others_cores
        program.wait_for(lambda: progress.committed() >= progress.total)
        run.published_seconds = time.perf_counter() - began
        run.published_cpu_seconds = program.cpu_seconds() - cpu
    return run


class Progress:
    """How far the worker is: offsets in Redis (counted) and in its consumer group (published)."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._client = client
        self._applied = Keys(settings.key_prefix).applied
        self._group = settings.group
        self._admin = KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers))
        self._topic = settings.topic(INTERACTIONS.name)
        count = settings.partitions
        self._partitions = [TopicPartition(self._topic, partition) for partition in range(count)]
        self._slots = {partition: slots_of_partition(partition, count) for partition in range(count)}
        ends = self._admin.list_partition_offsets(dict.fromkeys(self._partitions, OffsetSpec.LATEST))
        self.ends = {tp.partition: found.offset for tp, found in ends.items()}
        self.total = sum(self.ends.values())

    def applied_about(self) -> int:
        """Records applied, seen at one slot a partition: cheap enough to be asked often."""
        return self._sum({partition: [slots[0]] for partition, slots in self._slots.items()})

    def applied_exactly(self) -> int:
        """Records applied by every slot."""
        return self._sum({partition: list(slots) for partition, slots in self._slots.items()})

    def committed(self) -> int:
        """Records whose rows are published."""
        groups = self._admin.list_group_offsets({self._group: self._partitions})
        return sum(max(found.offset, 0) for found in groups[self._group].values())

    def _sum(self, slots: Mapping[int, list[int]]) -> int:
        pipe = self._client.pipeline(transaction=False)
        for partition, some in slots.items():
            for slot in some:
                pipe.hget(self._applied[slot], str(partition))
        offsets = iter(pipe.execute())
        return sum(min(int(next(offsets) or 0) for _ in some) for some in slots.values())


class Probe:
    """`bench.probe` beside the worker."""

    def __init__(self, client: redis.Redis, keys: list[str], rate: int = READS_PER_S) -> None:
        port = client.connection_pool.connection_kwargs["port"]
        command = [sys.executable, "-m", "bench.probe", str(port), str(rate), *keys]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._process.pid

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def result(self) -> dict[str, float]:
        """What it measured until now; it ends."""
        out, _ = self._process.communicate(timeout=10)
        measured: dict[str, float] = orjson.loads(out)
        return measured


def redis_cpu_seconds(client: redis.Redis) -> float:
    """Processor seconds that Redis has used."""
    info: Any = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
