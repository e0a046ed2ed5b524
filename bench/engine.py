"""Runs one engine against the full topic: peers that measure themselves, our workers watched from outside.

Our workers know nothing of being measured: their figures go from the first slice seen applied until each of the 256
slots has applied the topic's end. Publishing is on and goes on after that; its end is noted beside.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import psutil
import redis

from bench.machine import Others
from bench.measured import Measured, Reading
from bench.programs import POLL_S, Program, Progress, redis_cpu_seconds
from pipeline.settings import Settings


@dataclass(frozen=True)
class Stage:
    """What a run has around it: the servers, a folder of its own for its log and state, and how long it may take."""

    settings: Settings
    client: redis.Redis
    kafka_pid: int
    redis_pid: int
    folder: Path
    limit_s: float

    @property
    def redis_port(self) -> str:
        return str(self.client.connection_pool.connection_kwargs["port"])

    @property
    def address(self) -> list[str]:
        """How a peer is told where to read and write."""
        return [self.settings.kafka_servers[0], self.settings.topic("interactions"), self.redis_port]

    def kafka_cpu_seconds(self) -> float:
        """Processor seconds that the broker has used."""
        times = psutil.Process(self.kafka_pid).cpu_times()
        return float(times.user + times.system)


def run_peer(name: str, command: list[str], env: Mapping[str, str], stage: Stage) -> Measured:
    """A peer until it has printed its outcome and ended."""
    others = Others([stage.kafka_pid, stage.redis_pid])
    redis_before, kafka_before = redis_cpu_seconds(stage.client), stage.kafka_cpu_seconds()
    log = stage.folder / "peer.log"
    with Program(name, command, env, log, stage.limit_s) as program:
        while program.is_running():
            time.sleep(POLL_S)
    said = orjson.loads(log.read_bytes().splitlines()[-1])
    return Measured(
        program=name,
        events=said["events"],
        seconds=said["seconds"],
        cpu_seconds=said["cpu_seconds"],
        redis_cpu_seconds=redis_cpu_seconds(stage.client) - redis_before,
        kafka_cpu_seconds=stage.kafka_cpu_seconds() - kafka_before,
        rss_mib=program.rss_mib,
        others_cores=others.cores(program.cpu_seconds_at_last),
        half=Reading(**said["half"]),
        from_start_seconds=said["from_start"]["seconds"],
        from_start_cpu_seconds=said["from_start"]["cpu_seconds"],
        offsets={int(partition): offset for partition, offset in said.get("offsets", {}).items()},
    )


def run_workers(name: str, count: int, group: str, stage: Stage) -> Measured:
    """So many `twoway worker` of a new group, started together, until all is counted and published."""
    settings = replace(stage.settings, group=group)
    progress = Progress(settings, stage.client)
    env = {
        "TWOWAY_KAFKA_SERVERS": ",".join(settings.kafka_servers),
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_GROUP": group,
        "TWOWAY_WORKER_PORT": "0",
    }
    command = [sys.executable, "-m", "pipeline", "worker"]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Program(name, command, env, stage.folder / f"worker{number}.log", stage.limit_s))
            for number in range(count)
        ]
        return _Watch(name, workers, progress, stage).run()


class _Watch:
    """The workers of one run, seen from outside."""

    def __init__(self, name: str, workers: list[Program], progress: Progress, stage: Stage) -> None:
        self._name, self._workers, self._progress, self._stage = name, workers, progress, stage

    def run(self) -> Measured:
        total = self._progress.total
        self._wait_for(lambda: self._progress.applied_about() > 0)
        before, began, cpu = self._progress.applied_exactly(), time.perf_counter(), self._cpu_seconds()
        redis_before, kafka_before = redis_cpu_seconds(self._stage.client), self._stage.kafka_cpu_seconds()
        others = Others([self._stage.kafka_pid, self._stage.redis_pid])
        self._wait_for(lambda: self._progress.applied_about() * 2 >= total + before)
        half = Reading(
            self._progress.applied_exactly() - before, time.perf_counter() - began, self._cpu_seconds() - cpu
        )
        self._wait_for(lambda: self._progress.applied_about() >= total)
        self._wait_for(lambda: self._progress.applied_exactly() >= total)
        ended, cpu_ended = time.perf_counter(), self._cpu_seconds()
        measured = Measured(
            program=self._name,
            events=total - before,
            seconds=ended - began,
            cpu_seconds=cpu_ended - cpu,
            redis_cpu_seconds=redis_cpu_seconds(self._stage.client) - redis_before,
            kafka_cpu_seconds=self._stage.kafka_cpu_seconds() - kafka_before,
            rss_mib=0.0,
            others_cores=others.cores(cpu_ended - cpu),
            half=half,
            from_start_seconds=ended - min(worker.began for worker in self._workers),
            from_start_cpu_seconds=cpu_ended,
            offsets=dict(self._progress.ends),
        )
        self._wait_for(lambda: self._progress.committed() >= total)
        measured.published_seconds = time.perf_counter() - began
        measured.published_cpu_seconds = self._cpu_seconds() - cpu
        measured.rss_mib = sum(worker.rss_mib for worker in self._workers)
        return measured

    def _cpu_seconds(self) -> float:
        return sum(worker.cpu_seconds() for worker in self._workers)

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            for worker in self._workers:
                if not worker.is_running():
                    raise RuntimeError(f"{self._name} ended too early; its log is {worker.log}")
            time.sleep(POLL_S)
