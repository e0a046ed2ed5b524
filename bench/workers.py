"""Workers of ours in one group as they are seen from outside: they know nothing of being measured.

What they cost is taken from the moment at which the first of their tables is opened, just before its first fetch. Not
from the first slice that is applied: what that one and the second cost would be left out, but their events be counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis

from bench.programs import POLL_S, Program, Progress
from pipeline.settings import Settings

#: The start costs a core some hundred milliseconds after this one at the most, and each question 0.1 ms of Redis.
OPENED_POLL_S = 0.01


@dataclass(frozen=True)
class Use:
    """What was used up to a moment: CPU-seconds of all workers and of Redis, resident bytes of all workers."""

    worker_s: float
    redis_s: float
    rss: int


def environment(settings: Settings) -> dict[str, str]:
    """What a worker of these servers is told."""
    return {
        "TWOWAY_KAFKA_SERVERS": ",".join(settings.kafka_servers),
        "TWOWAY_REDIS_URL": settings.redis_url.reveal(),
        "TWOWAY_TOPIC_PREFIX": settings.topic_prefix,
        "TWOWAY_GROUP": settings.group,
        "TWOWAY_CACHE_ENTRIES": str(settings.cache_entries),
        "TWOWAY_WORKER_PORT": str(settings.worker_port),
    }


def redis_seconds(client: redis.Redis) -> float:
    """Processor seconds that Redis has used, without those of its child that writes the append-only file anew."""
    info: Any = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


class Workers:
    """So many `twoway worker`, started together, killed at the end of the `with`."""

    def __init__(
        self, name: str, count: int, settings: Settings, client: redis.Redis, folder: Path, limit_s: float
    ) -> None:
        """Only one that is alone has a port that is known. `limit_s`: how long they may take in all."""
        self._stack = ExitStack()
        self.progress = self._stack.enter_context(Progress(settings, client))
        self._client = client
        self._opened = self.progress.tables_opened()
        env = environment(settings) | ({} if count == 1 else {"TWOWAY_WORKER_PORT": "0"})
        command = [sys.executable, "-m", "pipeline", "worker"]
        self.programs = [
            self._stack.enter_context(Program(name, command, env, folder / f"worker{number}.log", limit_s))
            for number in range(count)
        ]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def began(self) -> float:
        """When the first one was started, by `perf_counter`."""
        return min(program.began for program in self.programs)

    @property
    def rss_mib(self) -> float:
        """The most that each was seen to hold, together."""
        return sum(program.rss_mib for program in self.programs)

    def wait_for_tables(self) -> Use:
        """Until the first table is opened; what was used when none was yet, up to OPENED_POLL_S before. Raises
        ProgramError where a worker ends."""
        while True:
            used = self.use()
            if self.tables_opened():
                return used
            self.must_run()
            time.sleep(OPENED_POLL_S)

    def tables_opened(self) -> int:
        """Scripts that tables of these workers made Redis know: so many for each table that was opened."""
        return self.progress.tables_opened() - self._opened

    def use(self) -> Use:
        """What was used until now."""
        rss = sum(psutil.Process(program.pid).memory_info().rss for program in self.programs)
        return Use(self.cpu_seconds(), redis_seconds(self._client), rss)

    def cpu_seconds(self) -> float:
        return sum(program.cpu_seconds() for program in self.programs)

    def must_run(self) -> None:
        """Raises ProgramError where one of them does not run any more."""
        for program in self.programs:
            program.must_run()

    def wait_for(self, condition: Callable[[], bool], every_s: float = POLL_S) -> None:
        """Until the condition holds. Raises ProgramError where a worker ends before."""
        while not condition():
            self.must_run()
            time.sleep(every_s)
