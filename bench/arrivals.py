"""One load of webhooks by a fixed schedule, and when the numbers of the watched ones arrive in Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile

import orjson
import redis

from bench.machine import Others
from bench.pacing import PROBE_EVERY
from bench.posting import probe_account, probe_post
from pipeline.slots import slot_of
from pipeline.store.keys import Keys

CONNECTIONS = 256
LOOK_S = 0.002
#: Probes that are looked for at once; they arrive nearly in their order.
LOOKED_FOR = 200
#: A number that has not come so long after the last answer is lost.
LOST_S = 30.0

#: p50, p99 and the longest, milliseconds.
Times = tuple[float, float, float]


@dataclass(frozen=True)
class Freshness:
    """One load: of the gateway's answer and of the number in Redis from the moment at which the webhook should have
    been sent, and of the number from its 2xx on (0 where it was there before)."""

    share: int
    webhooks_per_s: int
    webhooks: int
    not_2xx: int
    others_cores: float
    answer_ms: Times
    number_ms: Times
    after_2xx_ms: Times


def watch(
    share: int, rate: int, seconds: int, port: int, first: int, keys: Keys, client: redis.Redis, own: Sequence[int]
) -> Freshness:
    """Send for so many seconds and look for the numbers. Raises TimeoutError when one does not come."""
    numbers = [number for number in range(first, first + rate * seconds) if number % PROBE_EVERY == 0]
    command = [sys.executable, "-m", "bench.pacing", *map(str, (port, rate, seconds, CONNECTIONS, first))]
    with TemporaryFile() as out, subprocess.Popen(command, stdout=out) as sender:
        others = Others(own)
        arrived = _look(client, {number: _key(keys, number) for number in numbers}, sender)
        if sender.wait(LOST_S):
            raise RuntimeError(f"the sender ended with exit code {sender.returncode}")
        out.seek(0)
        said = orjson.loads(out.read())
    intended = {int(number): moment for number, moment in said["intended"].items()}
    answered = {int(number): moment for number, moment in said["answered"].items()}
    return Freshness(
        share=share,
        webhooks_per_s=rate,
        webhooks=sum(said["statuses"].values()),
        not_2xx=sum(count for status, count in said["statuses"].items() if not status.startswith("2")),
        others_cores=others.cores(said["cpu_seconds"]),
        answer_ms=_times(answered[number] - intended[number] for number in numbers),
        number_ms=_times(arrived[number] - intended[number] for number in numbers),
        after_2xx_ms=_times(max(0.0, arrived[number] - answered[number]) for number in numbers),
    )


def _key(keys: Keys, number: int) -> str:
    return keys.post(slot_of("facebook", probe_account(number)), "facebook", probe_post(number))


def _look(client: redis.Redis, keys: dict[int, str], sender: subprocess.Popen[bytes]) -> dict[int, float]:
    """When each page was first seen, to `LOOK_S`; on the clock of `time.monotonic`."""
    waiting, arrived = list(keys), dict[int, float]()
    until = float("inf")
    while waiting:
        pipe = client.pipeline(transaction=False)
        looked_for = waiting[:LOOKED_FOR]
        for number in looked_for:
            pipe.exists(keys[number])
        found = pipe.execute()
        now = time.monotonic()
        arrived.update((number, now) for number, is_there in zip(looked_for, found, strict=True) if is_there)
        waiting = [number for number in looked_for if number not in arrived] + waiting[LOOKED_FOR:]
        if sender.poll() is not None and until == float("inf"):
            until = now + LOST_S
        if now > until:
            raise TimeoutError(f"{len(waiting)} of {len(keys)} numbers did not come within {LOST_S:g} s")
        time.sleep(LOOK_S)
    return arrived


def _times(seconds: Iterable[float]) -> Times:
    in_order = sorted(each * 1000 for each in seconds)
    return in_order[len(in_order) // 2], in_order[len(in_order) * 99 // 100], in_order[-1]
