"""The listener of Bluesky: reads Jetstream in rounds, sifts, looks removals up, hands over, moves the cursor.

What crashes between the steps of a round: before the cursor is saved everything of the round may be in Kafka; it is
read again and changes nothing. The cursor never stands beyond what Kafka has acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from pipeline.clock import Clock
from pipeline.errors import LostError, SettingsError, UnavailableError
from pipeline.listening import metrics
from pipeline.listening.backoff import Backoff
from pipeline.listening.cursors import Cursors
from pipeline.listening.filter import Filter, Kept
from pipeline.listening.handover import Handover
from pipeline.listening.jetstream import (
    OLDEST_US,
    PUBLIC_URL,
    Endpoint,
    Head,
    Position,
    endpoint_of,
    head_of,
    position_of,
)
from pipeline.listening.socket import Socket, opened
from pipeline.sources.delivery import Connection

logger = logging.getLogger("twoway.listener")

PLATFORM = "bluesky"
#: The network is never still for so long: the stream is dead.
SILENCE_S = 30.0
SAVE_S = 1.0
#: A stream of version 1 that goes on so much later than it was asked to did not have what lies between.
LATER_US = 60_000_000
#: A frame's time further ahead than this is none: as cursor it would skip what comes until then.
AHEAD_US = 600_000_000


class Using(NamedTuple):
    """What the listener works with until the connections file changes."""

    connection: Connection
    endpoint: Endpoint
    sifter: Filter


class BlueskyListener:
    """Listens for one connection until it is cancelled. `current` gives the connection as it is in force."""

    def __init__(
        self,
        current: Callable[[], Connection],
        url: str,
        cursors: Cursors,
        handover: Handover,
        clock: Clock,
    ) -> None:
        """Raises SettingsError for a connection that cannot be listened to."""
        self._current = current
        self._url = url
        self._cursors = cursors
        self._handover = handover
        self._clock = clock
        self._position: Position | None = None
        self._saved: Position | None = None
        self._saved_s = 0.0
        self._from_oldest = False
        self._by_time = False
        self.is_connected = False
        self._refused: Connection | None = None
        self._using = self._prepare(current())

    async def run(self) -> None:
        """Listen, and come back after every loss."""
        self._position = position_of(await self._handover.insist(self._cursors.load))
        backoff = Backoff()
        while True:
            try:
                await self._listen(backoff)
            except LostError as loss:
                metrics.LOSSES.labels(PLATFORM, loss.cause).inc()
                if loss.cause == "cursor_too_old" and not self._from_oldest:
                    self._go_on_from_oldest(str(loss))
                    continue
                wait_s = backoff.next_s(loss.wait_s)
                logger.warning("the stream of Bluesky is lost (%s: %s); back in %.1f s", loss.cause, loss, wait_s)
                await asyncio.sleep(wait_s)
            finally:
                self.is_connected = False
                metrics.CONNECTED.labels(PLATFORM).set(0)

    async def save(self) -> None:
        """Save how far Kafka has everything, if that moved."""
        position = self._position
        if position is None or position == self._saved:
            return
        await self._cursors.save(position.fields())
        self._saved = position

    def _prepare(self, connection: Connection) -> Using:
        if not connection.accounts or not all(account.startswith("did:") for account in connection.accounts):
            raise SettingsError(
                f"connection {connection.name!r}: accounts is {sorted(connection.accounts)!r:.200}; "
                f"expected the DIDs of the brand, such as did:plc:... (docs/platforms/bluesky.md)"
            )
        endpoint = endpoint_of(self._url or connection.url or PUBLIC_URL)
        return Using(connection, endpoint, Filter(connection.accounts))

    def _in_force(self) -> Using:
        """As the connections file has it now; where that cannot be listened to, as before."""
        connection = self._current()
        if connection is not self._using.connection and connection is not self._refused:
            try:
                self._using = self._prepare(connection)
            except SettingsError as error:
                logger.warning("%s; listening goes on as before", error)
                self._refused = connection
        return self._using

    def _cursor(self, endpoint: Endpoint) -> int | None:
        if self._from_oldest:
            return OLDEST_US
        position = self._position
        return endpoint.cursor(position._replace(seq=None) if position and self._by_time else position)

    async def _listen(self, backoff: Backoff) -> None:
        """One connection to the server, until it is lost or what is to be listened to changes. Raises LostError."""
        using = self._in_force()
        cursor, oldest = self._cursor(using.endpoint), self._from_oldest
        async with opened(using.endpoint.address(cursor), {}) as socket:
            self.is_connected = True
            metrics.CONNECTS.labels(PLATFORM).inc()
            metrics.CONNECTED.labels(PLATFORM).set(1)
            logger.info("listening to %s from %s", using.endpoint.server, "now on" if cursor is None else cursor)
            frames = await self._round(socket)
            self._check_start(cursor, frames)
            backoff.succeed()
            self._from_oldest = self._by_time = False
            while True:
                for head in await self._settle(frames, using):
                    self._hear(head, oldest)
                if self._in_force() is not using:
                    return
                frames = await self._round(socket)

    async def _round(self, socket: Socket) -> list[bytes]:
        frames = await socket.round(SILENCE_S)
        if not frames:
            raise LostError("silent", f"no frame for {SILENCE_S:g} s")
        return frames

    async def _settle(self, frames: list[bytes], using: Using) -> list[Head]:
        """A round: 1. sift, 2. look removals up, 3. hand over, 4. move the cursor. Gives what the server said."""
        kept, said = using.sifter.sift(frames)
        wanted = await self._resolve(kept)
        if wanted:
            await self._handover.give(using.connection, wanted)
        metrics.FRAMES.labels(PLATFORM, "handed_over").inc(len(wanted))
        metrics.FRAMES.labels(PLATFORM, "unknown_removal").inc(len(kept) - len(wanted))
        metrics.FRAMES.labels(PLATFORM, "filtered").inc(len(frames) - len(kept))
        self._move(frames, using.endpoint.server)
        await self._save_sometimes()
        return said

    async def _resolve(self, kept: list[Kept]) -> list[bytes]:
        """The frames without the removals of things of which nothing is known: those of the rest of the network."""
        removed = [frame.removes for frame in kept if frame.removes is not None]
        if not removed:
            return [frame.raw for frame in kept]
        known = await self._handover.known(removed)
        heads = (head_of(frame.raw) for frame in kept if frame.removes is None)
        new = {head.address for head in heads if head is not None}
        return [frame.raw for frame in kept if frame.removes is None or frame.removes in known or frame.removes in new]

    def _move(self, frames: list[bytes], server: str) -> None:
        """The position of the last frame that has one: everything up to it is settled. On one server no time goes
        back; another one's times are its own."""
        limit_us = self._clock() * 1000 + AHEAD_US
        for raw in reversed(frames):
            head = head_of(raw)
            if head is None or head.time_us is None or not OLDEST_US <= head.time_us <= limit_us:
                continue
            before = self._position
            at_home = before is not None and before.server == server
            time_us = max(before.time_us, head.time_us) if before and at_home else head.time_us
            self._position = Position(server, time_us, head.seq)
            metrics.POSITION.labels(PLATFORM).set(time_us / 1e6)
            return

    async def _save_sometimes(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._saved_s < SAVE_S:
            return
        self._saved_s = now_s
        try:
            await self.save()
        except UnavailableError as error:  # what was saved before holds; a restart repeats a little more
            logger.warning("the cursor of Bluesky could not be saved: %s", error)

    def _check_start(self, cursor: int | None, frames: list[bytes]) -> None:
        """Say so where the stream does not begin where it was asked to. Raises LostError for a foreign numbering."""
        head = next((head for raw in frames if (head := head_of(raw)) is not None and head.time_us is not None), None)
        if cursor is None or cursor == OLDEST_US or head is None or head.time_us is None:
            return
        if cursor < OLDEST_US:
            if head.seq is not None and head.seq < cursor:
                self._by_time = True
                raise LostError("numbered_anew", f"asked for {cursor}, got {head.seq}; going on by time")
        elif head.seq is None and head.time_us > cursor + LATER_US:
            metrics.GAPS.labels(PLATFORM, "started_later").inc()
            seconds = (head.time_us - cursor) / 1e6
            logger.error("Jetstream began %.0f s later than asked (%d): what lies between is missed", seconds, cursor)

    def _go_on_from_oldest(self, detail: str) -> None:
        metrics.GAPS.labels(PLATFORM, "cursor_too_old").inc()
        logger.error("Jetstream no longer has the frames after the cursor (%s): going on from the oldest", detail)
        self._from_oldest = True

    def _hear(self, head: Head, oldest: bool) -> None:
        """What the server says about the stream; `oldest`: it was asked for the oldest. Raises LostError."""
        metrics.FRAMES.labels(PLATFORM, "notice").inc()
        if head.said == "OutdatedCursor":
            if not oldest:
                metrics.GAPS.labels(PLATFORM, "outdated_cursor").inc()
                logger.error("Jetstream no longer has the frames after the cursor (%s): some are missed", head.detail)
        elif head.said == "ConsumerTooSlow":
            raise LostError("too_slow", "the server dropped us because we read too slowly")
        else:
            logger.warning("Jetstream says %s: %s", head.said[:100], head.detail[:300])
