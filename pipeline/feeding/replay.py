"""Reads `interactions.rejected` to its end and sends what works now: after a fix, a new setting, or simply later.

Records that a worker or a file's reader refused are interactions; those of the gateway are deliveries and are read
again by the platform's own code. Nothing is taken off the topic: replaying twice is harmless, because counts are sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from pipeline.clock import Clock, wall_clock
from pipeline.errors import NotFoundError
from pipeline.feeding.again import Again, Deliveries, Refusal
from pipeline.feeding.refusals import TIME_TOO_OLD
from pipeline.feeding.sender import Sender, open_sender
from pipeline.scan import open_scan
from pipeline.settings import Settings
from schemas.rejected import Rejected, decode_rejected
from schemas.topics import REJECTED

#: Only a change of the data itself helps here, so they are sent again only when asked for by name: a worker would
#: reject them once more, and each replay would make the topic longer; or count what most likely is a wrong time.
LASTING = frozenset({"post_of_another_account", TIME_TOO_OLD})


@dataclass(frozen=True)
class ReplayOptions:
    """Which rejected records: None is all."""

    reason: str | None = None
    stage: str | None = None
    since_ms: int | None = None
    dry_run: bool = False

    def wants(self, rejected: Rejected) -> bool:
        return (
            self.reason in {None, rejected.reason}
            and self.stage in {None, rejected.stage}
            and (self.since_ms is None or rejected.time_ms >= self.since_ms)
        )


@dataclass
class ReplayReport:
    """Rejected records by (stage, reason): `works` now, or `still` rejected; `why` counts for what reason now, and
    `examples` says of the first of each reason what was expected. `unreadable`: records of the topic that are no
    rejected record. `reasons`: all that were read, wanted or not.

    `interactions`: how many were sent (a delivery may hold many). `repeated`: records with the bytes of an earlier one.
    """

    read: int = 0
    interactions: int = 0
    repeated: int = 0
    works: Counter[tuple[str, str]] = field(default_factory=Counter)
    still: Counter[tuple[str, str]] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    unreadable: int = 0
    reasons: set[str] = field(default_factory=set)

    @property
    def left(self) -> int:
        """How many of the wanted records do not work, or not all of what they hold, and those that are none of ours."""
        return self.still.total() + self.unreadable

    def refuse(self, refusal: Refusal) -> None:
        """Count it under its reason."""
        self.why[refusal.reason] += 1
        if refusal.detail:
            self.examples.setdefault(refusal.reason, refusal.detail)


async def replay(
    settings: Settings,
    options: ReplayOptions,
    progress: Callable[[int, int], None] | None = None,
    clock: Clock = wall_clock,
) -> ReplayReport:
    """Send again what is wanted. `progress` gets the records read and those there are.

    Raises NotFoundError for a reason for which none of all records was rejected, though others were.
    """
    async with open_scan(settings, REJECTED.name) as scan, open_sender(settings) as sender:
        begins = await scan.beginnings() if options.since_ms is None else await scan.offsets_since(options.since_ms)
        ends = await scan.ends()
        scan.start_at(begins)
        async with Deliveries(settings, remember=not options.dry_run) as deliveries:
            run = _Run(options, Again(settings, deliveries, clock), sender)
            async for records in scan.read_to(ends):
                for record in records:
                    if record.offset < ends[record.partition]:
                        await run.take(record.value)
                if progress:
                    progress(run.report.read, sum(ends[p] - begins[p] for p in ends))
    if options.since_ms is None:
        _check_reason(options.reason, run.report.reasons)
    return run.report


def _check_reason(reason: str | None, known: set[str]) -> None:
    if reason is not None and known and reason not in known:
        names = ", ".join(sorted(known))
        raise NotFoundError(f"reason is {reason[:100]!r}; expected one of those in {REJECTED.name}: {names}")


class _Run:
    """One replay."""

    def __init__(self, options: ReplayOptions, again: Again, sender: Sender) -> None:
        self.report = ReplayReport()
        self._options = options
        self._again = again
        self._sender = sender
        self._seen: set[tuple[str, bytes]] = set()

    async def take(self, value: bytes | None) -> None:
        self.report.read += 1
        try:
            rejected = decode_rejected(value or b"")
        except msgspec.DecodeError:
            self.report.refuse(Refusal("no_rejected_record", "expected what schemas/json/rejected.json describes"))
            self.report.unreadable += 1
            return
        self.report.reasons.add(rejected.reason)
        if not self._options.wants(rejected):
            return
        identity = (rejected.source if rejected.platform else "", rejected.bytes)
        if identity in self._seen:
            self.report.repeated += 1
            return
        self._seen.add(identity)
        await self._send(rejected)

    async def _send(self, rejected: Rejected) -> None:
        which = (rejected.stage, rejected.reason)
        if rejected.reason in LASTING and self._options.reason is None:
            self.report.still[which] += 1
            self.report.refuse(Refusal(rejected.reason, rejected.detail))
            return
        interactions, refusals = await self._again.read(rejected)
        if not self._options.dry_run:
            for interaction in interactions:
                await self._sender.send(interaction)
        self.report.interactions += len(interactions)
        (self.report.still if refusals else self.report.works)[which] += 1
        for refusal in refusals:
            self.report.refuse(refusal)
