"""A round of frames on its way into Kafka: the gateway's own intake, without a signature to verify.

Frames are trusted as far as the connection is that we opened ourselves (TLS, the server's certificate). Kafka or Redis
away: the round waits and is repeated whole, however long it takes; nothing is skipped and the cursor stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pipeline.clock import Clock
from pipeline.errors import UnavailableError, UnreadableError
from pipeline.gateway.directory import Directory
from pipeline.gateway.intake import Intake
from pipeline.listening import metrics
from pipeline.listening.backoff import Backoff
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.registry import SOURCES
from pipeline.sources.source import Source

logger = logging.getLogger("twoway.listener")

Given = TypeVar("Given")
#: Frames that are read and published together, at the most.
TOGETHER = 500
TOGETHER_BYTES = 2_000_000
RETRY_FIRST_S = 0.2
RETRY_MOST_S = 5.0


class Handover:
    """Hands frames of one platform over."""

    def __init__(self, platform: str, intake: Intake, directory: Directory, clock: Clock) -> None:
        self._platform = platform
        self._intake = intake
        self._directory = directory
        self._clock = clock

    async def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that the directory knows, asked in one round trip; as often as needed."""
        if not ids:
            return frozenset()
        return frozenset(await self.insist(lambda: self._directory.look_up(self._platform, ids)))

    async def give(self, connection: Connection, frames: Sequence[bytes]) -> None:
        """Return once everything that the frames yield is in Kafka, however long that takes."""
        started = time.perf_counter()
        for body in _bodies(SOURCES[self._platform], frames):
            await self.insist(lambda body=body: self._take(body, connection))  # type: ignore[misc]
        metrics.ROUND_SECONDS.labels(self._platform).observe(time.perf_counter() - started)

    async def insist(self, work: Callable[[], Awaitable[Given]]) -> Given:
        """What the work gives, repeated until Kafka and Redis answer."""
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            try:
                given = await work()
            except UnavailableError as error:
                if backoff.is_fresh:
                    logger.warning("%s; frames of %s wait, and nothing is lost", error, self._platform)
                metrics.WAITS.labels(self._platform).inc()
                await asyncio.sleep(backoff.next_s())
            else:
                if not backoff.is_fresh:
                    logger.warning("frames of %s go on", self._platform)
                return given

    async def _take(self, body: bytes, connection: Connection) -> None:
        delivery = Delivery(body, {}, received_ms=self._clock())
        try:
            await self._intake.take_trusted(delivery, connection)
        except UnreadableError:
            metrics.FRAMES.labels(self._platform, "unreadable").inc()  # its bytes are kept as rejected


def _bodies(source: Source, frames: Iterable[bytes]) -> Iterator[bytes]:
    """Frames as lists of a bounded size, in their order; an unreadable one alone, for it would spoil the others."""
    together, size_bytes = list[bytes](), 0
    for raw in frames:
        fits = _is_readable(source, raw)
        if together and (not fits or len(together) == TOGETHER or size_bytes + len(raw) > TOGETHER_BYTES):
            yield b"[%s]" % b",".join(together)
            together, size_bytes = [], 0
        if fits:
            together.append(raw)
            size_bytes += len(raw)
        else:
            yield raw
    if together:
        yield b"[%s]" % b",".join(together)


def _is_readable(source: Source, raw: bytes) -> bool:
    try:
        source.parse(Delivery(raw, {}))
    except UnreadableError:
        return False
    return True
