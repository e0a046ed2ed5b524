"""The programs of a measurement as children: what they use, how far our worker is, and reads beside it.

What a run's figures are, and from when until when they are taken, is in `bench/engine.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
import psutil
import redis
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from pipeline.settings import Settings
from pipeline.slots import slots_of_partition
from pipeline.store.keys import Keys
from schemas.topics import INTERACTIONS

POLL_S = 0.05
#: Reads a second beside a worker that catches up.
READS_PER_S = 500
LOG_SHOWN = 2_000
#: How Python and Java write the name of what went wrong.
_ERROR = re.compile(r"^(Caused by: )?[\w .$]*(Error|Exception|failed)\b.*", re.MULTILINE)


class ProgramError(Exception):
    """Raised when a program failed, took too long, or counted or said something else than it should. `log`: the end of
    what it wrote."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


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
        """Whether it still runs; looks at its memory and its time too. Raises ProgramError when it takes too long or
        failed."""
        code = self._process.poll()
        if code:
            raise self._error(f"ended with exit code {code}", cause_in(self._text()))
        if code is None and time.monotonic() > self._until:
            raise self._error(f"did not end within {self._limit_s:g} s")
        if code is None:
            self.rss_mib = max(self.rss_mib, self._seen.memory_info().rss / 2**20)
            self.cpu_seconds_at_last = self.cpu_seconds()
        return code is None

    def _error(self, what: str, cause: str = "") -> ProgramError:
        return ProgramError(f"{self.name} {what}{': ' if cause else ''}{cause}", self._text()[-LOG_SHOWN:])

    def _text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until the condition holds. Raises ProgramError when the program ends before."""
        while not condition():
            self.must_run()
            time.sleep(POLL_S)

    def must_run(self) -> None:
        """Raises ProgramError where it does not run any more."""
        if not self.is_running():
            raise self._error("ended too early", cause_in(self._text()))


def cause_in(log: str) -> str:
    """The last line that names an error, or else the last line: what a trace comes down to."""
    errors = [found.group() for found in _ERROR.finditer(log)]
    lines = errors or [line for line in log.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


class Progress:
    """How far the worker is: offsets in Redis (counted) and in its consumer group (published). Of use inside `with`:
    a client of Kafka's that is left open asks for a server that has long ended, and logs that it is not there."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._client = client
        self._applied = Keys(settings.key_prefix).applied
        self._group = settings.topic_prefix + settings.group
        self._admin = KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers))
        self._topic = settings.topic(INTERACTIONS.name)
        count = settings.partitions
        self._partitions = [TopicPartition(self._topic, partition) for partition in range(count)]
        self._slots = {partition: slots_of_partition(partition, count) for partition in range(count)}
        ends = self._admin.list_partition_offsets(dict.fromkeys(self._partitions, OffsetSpec.LATEST))
        self.ends = {tp.partition: found.offset for tp, found in ends.items()}
        self.total = sum(self.ends.values())

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()

    def applied_about(self) -> int:
        """Records applied, seen at one slot a partition: cheap enough to be asked often."""
        return self._sum({partition: [slots[0]] for partition, slots in self._slots.items()})

    def applied_exactly(self) -> int:
        """Records applied by every slot."""
        return self._sum({partition: list(slots) for partition, slots in self._slots.items()})

    def applied_in(self, slot: int) -> int:
        """Records of the slot's partition that the slot has applied: exact after each of its slices, where the others'
        offsets follow with a publication."""
        return int(self._client.hget(self._applied[slot], str(slot % len(self._partitions))) or 0)

    def tables_opened(self) -> int:
        """How often workers made Redis know a script: a table does when it is opened, just before its first fetch."""
        loads = self._client.info("commandstats").get("cmdstat_script", {"calls": 0})
        return int(loads["calls"])

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
