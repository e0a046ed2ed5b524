"""The schedule of a run's faults: drawn from a seed, so that the same seed gives the same faults at the same moments.

Kinds are dealt like cards: each comes once before any comes again, so a run of two minutes has seen them all. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from pipeline.crash_points import POINTS, Point


class Kind(StrEnum):
    """What can go wrong; the values are the names that are shown."""

    WORKER_KILLED = "worker killed"
    CRASH_POINT = "worker killed at a crash point"
    WORKER_FROZEN = "worker frozen, woken as a zombie"
    WORKER_ADDED = "worker added"
    WORKER_REMOVED = "worker removed"
    GATEWAY_KILLED = "gateway killed"
    KAFKA_KILLED = "Kafka killed"
    REDIS_KILLED = "Redis killed"
    PARTITIONS_ADDED = "partitions added"


#: From one fault to the next: some meet while the one before is still being got over.
GAP_S = (5.0, 14.0)
#: Faults end so long before the run does, so that it can be seen to get over them.
QUIET_S = 10.0
#: The first comes so soon.
FIRST_S = 5.0
PARTITIONS = (4, 8, 16)
_SERVERS_AWAY_S = (0.5, 4.0)


@dataclass(frozen=True)
class Fault:
    """One fault: when after the start, what, and to whom. `victim` numbers those that run then, modulo how many they
    are; `lasts_s`: how long a server stays away or a worker sleeps; `point`: where a worker dies, at which hit."""

    at_s: float
    kind: Kind
    victim: int = 0
    lasts_s: float = 0.0
    point: Point | None = None
    hit: int = 1


def draw_schedule(seed: int, seconds: float, zombie_s: float) -> tuple[Fault, ...]:
    """The faults of a run of so many seconds. `zombie_s`: how long a frozen worker sleeps at the least."""
    random = Random(seed)
    faults: list[Fault] = []
    deck: list[Kind] = []
    points: list[Point] = []
    grown, at_s = 0, FIRST_S
    while at_s <= seconds - QUIET_S:
        deck = deck or random.sample(list(Kind), len(Kind))
        kind = deck.pop()
        if kind is Kind.PARTITIONS_ADDED:
            grown += 1
        if kind is not Kind.PARTITIONS_ADDED or grown < len(PARTITIONS):
            points = points or random.sample(POINTS, len(POINTS))
            faults.append(_fault(random, at_s, kind, points, zombie_s))
            at_s = round(at_s + random.uniform(*GAP_S), 1)
    return tuple(faults)


def _fault(random: Random, at_s: float, kind: Kind, points: list[Point], zombie_s: float) -> Fault:
    victim = random.randrange(12)
    if kind is Kind.CRASH_POINT:
        return Fault(at_s, kind, victim, point=points.pop(), hit=random.randint(1, 2))
    if kind is Kind.WORKER_FROZEN:
        return Fault(at_s, kind, victim, lasts_s=round(zombie_s + random.uniform(0.5, 2.0), 1))
    if kind in {Kind.KAFKA_KILLED, Kind.REDIS_KILLED}:
        return Fault(at_s, kind, lasts_s=round(random.uniform(*_SERVERS_AWAY_S), 1))
    return Fault(at_s, kind, victim)
