"""Explains a list of interactions without a server: the production code's readings over records that a test holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.explaining.engaged import EngagedActors
from pipeline.explaining.explain import window_code
from pipeline.explaining.gate import Gate, Taken, Target
from pipeline.explaining.polled import PolledTotals
from pipeline.explaining.replies import Answers, Links, Replies
from pipeline.explaining.sorting import Decisions, Relevant, Sorter
from pipeline.windows import Windows
from schemas.engagement import Entity
from schemas.interaction import Interaction, encode_interaction
from tests.factories import NOON_MS

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
FUTURE_LIMIT_MS = 600_000
#: When every record was received: the day after.
RECEIVED_MS = NOON_MS + 86_400_000
MANY = 1_000_000


@dataclass(frozen=True)
class LogRecord:
    """A record of one partition."""

    offset: int
    value: bytes | None
    partition: int = 0
    timestamp: int = RECEIVED_MS


def records_of(log: Sequence[Interaction | bytes]) -> list[LogRecord]:
    """The log as records of partition 0."""
    return [
        LogRecord(offset, one if isinstance(one, bytes) else encode_interaction(one)) for offset, one in enumerate(log)
    ]


def target_of(entity: Entity = "post", id_: str = "p1", account: str = "a1", window: str = "all") -> Target:
    """A page on facebook, and its window by name."""
    return Target(entity, "facebook", id_, account, WINDOWS.window(window_code(WINDOWS, window)))


def explained(
    target: Target, records: Sequence[LogRecord], applied: Mapping[int, int] | None = None, limit: int = MANY
) -> Sorter:
    """The records sorted; all of partition 0 is applied unless said otherwise."""
    return explained_with_answers(target, records, applied, limit)[0]


def explained_with_answers(
    target: Target, records: Sequence[LogRecord], applied: Mapping[int, int] | None = None, limit: int = MANY
) -> tuple[Sorter, Answers]:
    """The same, and which of the comments are answered."""
    relevant = Relevant(target)

    def read(*takers: Callable[[Taken], None]) -> None:
        gate = Gate(target, {0: MANY} if applied is None else applied, 0, FUTURE_LIMIT_MS)
        for record in records:
            taken = gate.take(record)
            if taken is not None:
                for take in takers:
                    take(taken)

    if target.window.start_ms is not None:
        read(relevant.take)
    decisions, links = Decisions(relevant.keys), Links(relevant.posts)
    read(decisions.take, links.take)
    sorter, replies = Sorter(target, decisions, WINDOWS.sizes[0].kept_ms, limit), Replies(links)
    read(sorter.take, replies.take)
    return sorter, Answers(target, decisions, replies)


def besides(target: Target, records: Sequence[LogRecord]) -> tuple[EngagedActors, PolledTotals]:
    """Who was engaged, and what was polled; all of it is applied."""
    gate = Gate(target, {0: MANY}, 0, FUTURE_LIMIT_MS)
    engaged, polled = EngagedActors(target), PolledTotals(target)
    for record in records:
        taken = gate.take(record)
        if taken is not None:
            engaged.take(taken)
            polled.take(taken)
    return engaged, polled
