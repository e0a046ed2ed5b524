"""Runs one program against the full topic and takes its figures: the one place that does.

A peer measures itself, from its first record until its last row is in Redis. Our workers know nothing of being
measured: they are watched from outside, from the first table that is opened until each of the 256 slots has applied the
topic's end. Publishing is on and goes on after that; its end is noted beside.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import psutil
import redis

from bench.machine import Others
from bench.measured import Measured, Reading
from bench.programs import LOG_SHOWN, POLL_S, Probe, Program, ProgramError, Progress
from bench.slices import slices
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


class _Servers:
    """What Redis, Kafka and everything else on this machine use, from now on. `beside`: a process that is ours too."""

    def __init__(self, stage: Stage, beside: Sequence[int] = ()) -> None:
        self._stage = stage
        self._redis, self._kafka = self._redis_seconds(), self._kafka_seconds()
        self._others = Others([stage.kafka_pid, stage.redis_pid, *beside])

    def used(self, program_seconds: float) -> dict[str, float]:
        """By the names of `Measured`; the program itself has used so many CPU-seconds meanwhile."""
        return {
            "redis_cpu_seconds": self._redis_seconds() - self._redis,
            "kafka_cpu_seconds": self._kafka_seconds() - self._kafka,
            "others_cores": self._others.cores(program_seconds),
        }

    def _redis_seconds(self) -> float:
        info: Any = self._stage.client.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def _kafka_seconds(self) -> float:
        times = psutil.Process(self._stage.kafka_pid).cpu_times()
        return float(times.user + times.system)


def run_peer(name: str, command: list[str], env: Mapping[str, str], stage: Stage) -> Measured:
    """A peer until it has printed its outcome and ended. Raises ProgramError."""
    servers = _Servers(stage)
    log = stage.folder / "peer.log"
    with Program(name, command, env, log, stage.limit_s) as program:
        while program.is_running():
            time.sleep(POLL_S)
    used = servers.used(program.cpu_seconds_at_last)
    text = log.read_bytes()
    try:
        said = orjson.loads(text.splitlines()[-1])
        published = said.get("published") or {}
        return Measured(
            program=name,
            events=said["events"],
            seconds=said["seconds"],
            cpu_seconds=said["cpu_seconds"],
            rss_mib=program.rss_mib,
            half=Reading(**said["half"]),
            from_start_seconds=said["from_start"]["seconds"],
            from_start_cpu_seconds=said["from_start"]["cpu_seconds"],
            offsets={int(partition): offset for partition, offset in said.get("offsets", {}).items()},
            published_seconds=published.get("seconds"),
            published_cpu_seconds=published.get("cpu_seconds"),
            **used,
        )
    except (LookupError, TypeError, ValueError) as error:
        end = text[-LOG_SHOWN:].decode(errors="replace")
        raise ProgramError(f"{name} ended without an outcome; expected one line of JSON at last", end) from error


def run_confluent(name: str, stage: Stage, events: int) -> Measured:
    """The consumer by hand. Raises ProgramError."""
    return run_peer(name, [sys.executable, "-m", "bench.peers.confluent", *stage.address, str(events)], {}, stage)


def run_faust(name: str, stage: Stage, events: int) -> Measured:
    """Plain Faust. Raises ProgramError."""
    command = [sys.executable, "-m", "bench.peers.plain_faust", "worker", "--without-web", "-l", "error"]
    return run_peer(name, command, {"PEER": " ".join([*stage.address, str(events)])}, stage)


def run_workers(name: str, count: int, group: str, stage: Stage, queried: Sequence[str] = ()) -> Measured:
    """So many `twoway worker` of a new group, started together, until all is counted and published; with `queried`,
    another program reads these keys meanwhile. Raises ProgramError."""
    settings = replace(stage.settings, group=group)
    env = {
        "TWOWAY_KAFKA_SERVERS": ",".join(settings.kafka_servers),
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_GROUP": group,
        "TWOWAY_WORKER_PORT": str(settings.worker_port) if count == 1 else "0",
    }
    command = [sys.executable, "-m", "pipeline", "worker"]
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(settings, stage.client))
        workers = [
            stack.enter_context(Program(name, command, env, stage.folder / f"worker{number}.log", stage.limit_s))
            for number in range(count)
        ]
        return _Watch(name, workers, progress, stage).run(queried)


class _Watch:
    """The workers of one run, seen from outside."""

    def __init__(self, name: str, workers: list[Program], progress: Progress, stage: Stage) -> None:
        self._name, self._workers, self._progress, self._stage = name, workers, progress, stage
        self._opened = progress.tables_opened()

    def run(self, queried: Sequence[str]) -> Measured:
        # Not from the first slice applied: what that one and the second cost would be left out, but they be counted.
        self._wait_for(lambda: self._progress.tables_opened() > self._opened)
        with ExitStack() as stack:
            probe = stack.enter_context(Probe(self._stage.client, list(queried))) if queried else None
            before, began, cpu = self._progress.applied_exactly(), time.perf_counter(), self._cpu_seconds()
            measured = self._until_counted(before, began, cpu, [probe.pid] if probe else [])
            measured.query = probe.result() if probe else None
        if len(self._workers) == 1:
            measured.slices = slices(self._stage.settings.worker_port)
        self._wait_for(lambda: self._progress.committed() >= self._progress.total)
        measured.published_seconds = time.perf_counter() - began
        measured.published_cpu_seconds = self._cpu_seconds() - cpu
        measured.rss_mib = sum(worker.rss_mib for worker in self._workers)
        return measured

    def _until_counted(self, before: int, began: float, cpu: float, beside: Sequence[int]) -> Measured:
        servers = _Servers(self._stage, beside)
        total = self._progress.total
        self._wait_for(lambda: self._progress.applied_about() * 2 >= total + before)
        half = Reading(
            self._progress.applied_exactly() - before, time.perf_counter() - began, self._cpu_seconds() - cpu
        )
        self._wait_for(lambda: self._progress.applied_about() >= total)
        self._wait_for(lambda: self._progress.applied_exactly() >= total)
        ended, cpu_ended = time.perf_counter(), self._cpu_seconds()
        if before == total:
            raise ProgramError(f"{self._name} had counted all before it was looked at; expected more events")
        return Measured(
            program=self._name,
            events=total - before,
            seconds=ended - began,
            cpu_seconds=cpu_ended - cpu,
            rss_mib=0.0,
            half=half,
            from_start_seconds=ended - min(worker.began for worker in self._workers),
            from_start_cpu_seconds=cpu_ended,
            offsets=dict(self._progress.ends),
            **servers.used(cpu_ended - cpu),
        )

    def _cpu_seconds(self) -> float:
        return sum(worker.cpu_seconds() for worker in self._workers)

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            for worker in self._workers:
                worker.must_run()
            time.sleep(POLL_S)
