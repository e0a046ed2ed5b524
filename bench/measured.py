"""What one run of one program gave, and what follows from it. `bench/engine.py` alone takes these figures."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.slices import Took


@dataclass(frozen=True)
class Reading:
    """Events counted so far, and seconds and processor seconds that they took."""

    events: int
    seconds: float
    cpu_seconds: float


@dataclass
class Measured:
    """One run, from the program's first event until its last row is in Redis. `cpu_seconds` is the program's own, all
    its processes; Redis' and Kafka's stand beside it. `half`: the same when about half was counted. `offsets`: the
    rows are those of the records before. `slices` and `query` are of a worker of ours that runs alone: how long its
    slices took, and reads beside it. `verify_seconds`: what comparing our rows took."""

    program: str
    events: int
    seconds: float
    cpu_seconds: float
    redis_cpu_seconds: float
    kafka_cpu_seconds: float
    rss_mib: float
    others_cores: float
    half: Reading
    from_start_seconds: float
    from_start_cpu_seconds: float
    offsets: dict[int, int] = field(default_factory=dict)
    published_seconds: float | None = None
    published_cpu_seconds: float | None = None
    query: dict[str, float] | None = None
    slices: dict[str, Took] | None = None
    verify_seconds: float | None = None
    rows: int = 0
    rows_different: int = 0

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds

    @property
    def events_per_cpu_s(self) -> float:
        """Of the program alone."""
        return self.events / self.cpu_seconds

    @property
    def events_per_all_cpu_s(self) -> float:
        """Of program and Redis together: what a core gives."""
        return self.events / (self.cpu_seconds + self.redis_cpu_seconds)

    @property
    def late_events_per_cpu_s(self) -> float:
        """Of the program alone in the second half, when a JVM has compiled what is hot."""
        return (self.events - self.half.events) / (self.cpu_seconds - self.half.cpu_seconds)

    @property
    def start_cpu_seconds(self) -> float:
        """What the start cost before the first event."""
        return self.from_start_cpu_seconds - self.cpu_seconds

    def per_million(self, cpu_seconds: float) -> float:
        """So many CPU-seconds for a million events."""
        return cpu_seconds / self.events * 1e6


@dataclass(frozen=True)
class Failure:
    """A run that gave no figures. `number` counts from 1."""

    program: str
    number: int
    reason: str
