"""The schedule of a run's faults: drawn from a seed, so that the same seed gives the same faults at the same moments.

Kinds are dealt like cards: each comes once before any comes again, so three and a half minutes have seen all. Pure.
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
    CLOCK_SET = "worker's clock set back and forth"
    GATEWAY_KILLED = "gateway killed"
    KAFKA_KILLED = "Kafka killed"
    REDIS_KILLED = "Redis killed"
    REDIS_EMPTIED = "Redis emptied"
    REDIS_RESTORED = "Redis put back to an older copy"
    REDIS_FULL = "Redis out of memory"
    PARTITIONS_ADDED = "partitions added"
    ODD_TIMES = "events of odd times"


#: From one fault to the next: some meet while the one before is still being got over.
GAP_S = (5.0, 14.0)
#: Faults end so long before the run does, so that it can be seen to get over them.
QUIET_S = 10.0
#: The first comes so soon.
FIRST_S = 5.0
PARTITIONS = (4, 8, 16)
#: Later Redis is emptied no more: to count everything anew takes the longer the more there is, and in an hour workers
#: would do nothing else.
EMPTIED_UNTIL_S = 900.0
#: How long a server is away, Redis is full, a clock stays as it was set; and how old the copy is that Redis gets back.
_LASTS_S: dict[Kind, tuple[float, float]] = {
    Kind.KAFKA_KILLED: (0.5, 4.0),
    Kind.REDIS_KILLED: (0.5, 4.0),
    Kind.REDIS_FULL: (2.0, 6.0),
    Kind.CLOCK_SET: (1.0, 3.0),
    Kind.REDIS_RESTORED: (10.0, 25.0),
}


@dataclass(frozen=True)
class Fault:
    """One fault: when after the start, what, and to whom. `victim` numbers those that run then, modulo how many they
    are; `lasts_s`: how long a server stays away, a worker sleeps, ...; `point`: where a worker dies, at which hit."""

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
        grown += kind is Kind.PARTITIONS_ADDED
        if _is_possible(kind, at_s, grown):
            points = points or random.sample(POINTS, len(POINTS))
            faults.append(_fault(random, at_s, kind, points, zombie_s))
            at_s = round(at_s + random.uniform(*GAP_S), 1)
    return tuple(faults)


def _is_possible(kind: Kind, at_s: float, grown: int) -> bool:
    if kind is Kind.PARTITIONS_ADDED:
        return grown < len(PARTITIONS)
    return kind is not Kind.REDIS_EMPTIED or at_s <= EMPTIED_UNTIL_S


def _fault(random: Random, at_s: float, kind: Kind, points: list[Point], zombie_s: float) -> Fault:
    victim = random.randrange(12)
    if kind is Kind.CRASH_POINT:
        return Fault(at_s, kind, victim, point=points.pop(), hit=random.randint(1, 2))
    if kind is Kind.WORKER_FROZEN:
        return Fault(at_s, kind, victim, lasts_s=round(zombie_s + random.uniform(0.5, 2.0), 1))
    lasts_s = round(random.uniform(*_LASTS_S[kind]), 1) if kind in _LASTS_S else 0.0
    return Fault(at_s, kind, victim, lasts_s)
