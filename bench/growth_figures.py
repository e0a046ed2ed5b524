"""What a point of growth gave, and what follows from it: costs of an event, bytes of a page, the steps of a post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bench.growth_points import Point

#: Of the viral post's way, each with a cost of its own.
STEPS = 10


@dataclass(frozen=True)
class Look:
    """What was counted at a moment (s), and what it had cost: CPU-seconds, bytes."""

    at_s: float
    applied: int
    worker_s: float
    redis_s: float
    rss: int
    used: int


@dataclass(frozen=True)
class Step:
    """A part of a run, up to `applied`: CPU-us for an event of it, most bytes of the worker, bytes in Redis."""

    applied: int
    worker_us: float
    redis_us: float
    rss: int
    used: int


@dataclass(frozen=True)
class Later:
    """A steady trickle of events into a post that has grown: cores that it keeps busy, pages loaded anew a second."""

    events_per_s: float
    worker_cores: float
    redis_cores: float
    loads_per_s: float


@dataclass
class Grown:
    """A point's figures. The first look is when no table was open yet, the last one when all rows are published.
    `empty_used`: bytes of Redis before the first event. `loads`: scripts that tables made Redis know when they were
    opened. `rewrite_s`: CPU-seconds of Redis' children, which write the append-only file anew. `commands`: CPU-us of
    Redis."""

    point: Point
    looks: list[Look]
    empty_used: int
    loads: int = 0
    rewrite_s: float = 0.0
    others_cores: float = 0.0
    proof: str = ""
    commands: dict[str, float] = field(default_factory=dict)
    viral_bytes: dict[str, int] = field(default_factory=dict)
    later: Later | None = None

    @property
    def worker_us(self) -> float:
        """CPU-us of all workers for an event."""
        return cost(self.looks[0], self.looks[-1])[0]

    @property
    def redis_us(self) -> float:
        """CPU-us of Redis for an event."""
        return cost(self.looks[0], self.looks[-1])[1]

    @property
    def events_per_s(self) -> float:
        """Until all were seen counted, on the cores that this machine has for servers and workers."""
        counted = next(look for look in self.looks if look.applied >= self.point.events)
        return self.point.events / max(1e-9, counted.at_s - self.looks[0].at_s)

    @property
    def most_rss(self) -> int:
        return max(look.rss for look in self.looks)

    @property
    def redis_page_bytes(self) -> float:
        """`used_memory` that came for a page, everything beside the page included."""
        return (self.looks[-1].used - self.empty_used) / self.point.pages

    @property
    def worker_page_bytes(self) -> float:
        """Resident bytes that came for a page, buffers of fetches and slices included."""
        return (self.most_rss - self.looks[0].rss) / self.point.pages

    @property
    def loads_a_partition(self) -> float:
        return self.loads / self.point.partitions


def cost(before: Look, after: Look) -> tuple[float, float]:
    """CPU-us for an event between two looks: workers, Redis."""
    events = max(1, after.applied - before.applied)
    return (after.worker_s - before.worker_s) / events * 1e6, (after.redis_s - before.redis_s) / events * 1e6


def steps(grown: Grown, count: int = STEPS) -> list[Step]:
    """A run cut into so many equal parts of its events, each up to the first look in which it is counted; parts that
    one slice jumped over are one."""
    looks, events = grown.looks, grown.point.events
    ends = [next(i for i, look in enumerate(looks) if look.applied * count >= events * n) for n in range(1, count + 1)]
    found = []
    for begin, end in pairwise(sorted({0, *ends})):
        before, after = looks[begin], looks[end]
        most = max(look.rss for look in looks[begin + 1 : end + 1])
        found.append(Step(after.applied, *cost(before, after), most, after.used - grown.empty_used))
    return found


def further_page(before: Grown, after: Grown) -> tuple[float, float]:
    """Bytes of Redis and of the worker for a page more, between two points with the same number of events: so members,
    texts and buffers, which go by events, are not in it."""
    if before.point.events != after.point.events or before.point.pages == after.point.pages:
        raise ValueError(
            f"{before.point.label} and {after.point.label}; expected points with the same events and other pages"
        )
    pages = after.point.pages - before.point.pages
    used = (after.looks[-1].used - after.empty_used) - (before.looks[-1].used - before.empty_used)
    return used / pages, (after.most_rss - before.most_rss) / pages


def assigned_again(series: Sequence[Grown]) -> list[Grown]:
    """Points whose partitions moved from worker to worker meanwhile, so that tables were opened more than once: what
    was counted twice for it is in their figures."""
    least = min((one.loads_a_partition for one in series), default=0.0)
    return [one for one in series if one.loads_a_partition > least]
