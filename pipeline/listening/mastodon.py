"""The listener of Mastodon: the stream for speed, the lists of notifications and statuses for certainty.

The stream repeats nothing and promises nothing. So what it brings is handed over at once, but only the lists move the
cursor: they are read at every start, soon after it, and then every minute. The cursor stays a minute behind: an id is
given before its row can be seen, so a smaller one may appear after a larger one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pipeline.clock import Clock
from pipeline.errors import LostError, SettingsError, UnavailableError
from pipeline.listening import metrics
from pipeline.listening.backoff import Backoff
from pipeline.listening.cursors import Cursors
from pipeline.listening.handover import Handover
from pipeline.listening.mastodon_api import Instance, Item
from pipeline.listening.mastodon_frames import NOTIFICATION, STATUS, Kept, Sifter, frame_of
from pipeline.listening.seen import Seen
from pipeline.listening.socket import opened
from pipeline.sources.delivery import Connection

logger = logging.getLogger("twoway.listener")

PLATFORM = "mastodon"
#: Soon after the stream is open: what fell between the first reading and the server's subscription.
FIRST_CHECK_S = 10.0
CHECK_S = 60.0
#: Elements older than this are followed by no late one with a smaller id.
SETTLED_MS = 60_000
#: Changed settings are seen within this.
LOOK_UP_S = 1.0
KINDS = (NOTIFICATION, STATUS)


class Using(NamedTuple):
    """What the listener works with until the connections file changes."""

    connection: Connection
    instance: Instance
    sifter: Sifter


class MastodonListener:
    """Listens for one connection, which has one account, until it is cancelled."""

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
        self._confirmed: dict[str, str] = {}
        self._server = ""
        self._saved: dict[str, str] = {}
        self._seen = Seen()
        self.is_connected = False
        self._refused: Connection | None = None
        self._using = self._prepare(current())

    async def run(self) -> None:
        """Listen, and come back after every loss."""
        fields = await self._handover.insist(self._cursors.load)
        self._server = fields.get("server", "")
        self._confirmed = {kind: fields[kind] for kind in KINDS if kind in fields}
        backoff = Backoff()
        try:
            while True:
                try:
                    await self._listen(backoff)
                except LostError as loss:
                    metrics.LOSSES.labels(PLATFORM, loss.cause).inc()
                    wait_s = backoff.next_s(loss.wait_s)
                    logger.warning("the stream of Mastodon is lost (%s: %s); back in %.1f s", loss.cause, loss, wait_s)
                    await asyncio.sleep(wait_s)
                finally:
                    self.is_connected = False
                    metrics.CONNECTED.labels(PLATFORM).set(0)
        finally:
            await self._using.instance.close()

    async def save(self) -> None:
        """Save how far the lists are certain to be in Kafka, if that moved."""
        if not self._confirmed:
            return
        fields = {"server": self._server, **self._confirmed}
        if fields != self._saved:
            await self._cursors.save(fields)
            self._saved = fields

    def _prepare(self, connection: Connection) -> Using:
        where = f"connection {connection.name!r}"
        account = connection.account
        if account is None:
            raise SettingsError(
                f"{where}: accounts is {sorted(connection.accounts)!r:.200}; expected one, the account's id: "
                f"a token reads one account (docs/platforms/mastodon.md)"
            )
        if not connection.secrets:
            raise SettingsError(
                f"{where}: secrets is not set; expected the account's access token (docs/platforms/mastodon.md)"
            )
        instance = Instance(self._url or connection.url, connection.secrets[0], account)
        return Using(connection, instance, Sifter(account))

    async def _in_force(self) -> Using:
        """As the connections file has it now; where that cannot be listened to, as before."""
        connection = self._current()
        if connection is not self._using.connection and connection is not self._refused:
            try:
                prepared = self._prepare(connection)
            except SettingsError as error:
                logger.warning("%s; listening goes on as before", error)
                self._refused = connection
            else:
                await self._using.instance.close()
                self._using = prepared
        return self._using

    async def _listen(self, backoff: Backoff) -> None:
        """One connection to the server, until it is lost or what is to be listened to changes. Raises LostError."""
        using = await self._in_force()
        url, loop = await using.instance.stream_url(), asyncio.get_running_loop()
        async with opened(url, using.instance.headers) as socket:
            self.is_connected = True
            metrics.CONNECTS.labels(PLATFORM).inc()
            metrics.CONNECTED.labels(PLATFORM).set(1)
            logger.info("listening to %s", using.instance.server)
            await self._check(using)
            backoff.succeed()
            due_s = loop.time() + FIRST_CHECK_S
            while await self._in_force() is using:
                wait_s = min(max(due_s - loop.time(), 0.01), LOOK_UP_S)
                await self._settle(await socket.round(wait_s), using)
                if loop.time() >= due_s:
                    due_s = loop.time() + await self._check_again(using)

    async def _settle(self, frames: list[bytes], using: Using) -> None:
        """What the stream brought: handed over, but no proof that nothing was left out."""
        if not frames:
            return
        kept, new, refusal = using.sifter.sift(frames)
        known = await self._handover.known([frame.removes for frame in kept if frame.removes is not None])
        wanted = [frame for frame in kept if self._is_wanted(frame, known | new)]
        if wanted:
            await self._handover.give(using.connection, [frame.raw for frame in wanted])
        self._seen.add(frame.item for frame in wanted if frame.item is not None)
        metrics.FRAMES.labels(PLATFORM, "handed_over").inc(len(wanted))
        metrics.FRAMES.labels(PLATFORM, "passed_over").inc(len(frames) - len(wanted))
        if refusal is not None:
            raise LostError("refused", refusal)

    def _is_wanted(self, frame: Kept, known: frozenset[str]) -> bool:
        """Not what a list brought before, nor the removal of a status of which nothing is known."""
        if frame.removes is not None:
            return frame.removes in known
        return frame.item is None or not self._seen.has(frame.item)

    async def _check_again(self, using: Using) -> float:
        """Read the lists; seconds until the next time. The stream goes on while they cannot be had."""
        try:
            await self._check(using)
        except LostError as loss:
            metrics.LOSSES.labels(PLATFORM, loss.cause).inc()
            logger.warning("the lists of Mastodon cannot be read (%s: %s); the cursor stays", loss.cause, loss)
            return max(CHECK_S, loss.wait_s)
        return CHECK_S

    async def _check(self, using: Using) -> None:
        """Hand over what the lists have beyond the cursor, and move it. Raises LostError."""
        started_ms, instance = self._clock(), using.instance
        if self._server != instance.server or self._confirmed.keys() != set(KINDS):
            await self._begin(instance)
        try:
            await self._read_on(NOTIFICATION, instance.notifications, using)
            await self._read_on(STATUS, instance.statuses, using)
            metrics.POSITION.labels(PLATFORM).set(started_ms / 1000)
        finally:
            await self._try_to_save()

    async def _try_to_save(self) -> None:
        try:
            await self.save()
        except UnavailableError as error:  # what was saved before holds; a restart repeats a little more
            logger.warning("the cursor of Mastodon could not be saved: %s", error)

    async def _begin(self, instance: Instance) -> None:
        """Everything counts from now on: the first start, or another instance."""
        newest = {NOTIFICATION: await instance.newest_notification(), STATUS: await instance.newest_status()}
        if self._confirmed:
            metrics.GAPS.labels(PLATFORM, "another_server").inc()
            logger.error("the cursor is of %s, not of %s: counting from now on", self._server, instance.server)
        self._server, self._confirmed = instance.server, newest

    async def _read_on(self, kind: str, page_after: Callable[[str], Awaitable[list[Item]]], using: Using) -> None:
        """Hand over every page beyond the cursor; it moves with each, so that an interrupted long way is kept."""
        at = self._confirmed[kind]
        while items := await page_after(at):
            if items[-1].id == at:
                raise LostError("unreadable", f"the list of {kind} does not go on")
            fresh = [item for item in items if not self._seen.has((kind, item.id))]
            if fresh:
                await self._handover.give(using.connection, [frame_of(kind, item.raw) for item in fresh])
                self._seen.add((kind, item.id) for item in fresh)
            metrics.FRAMES.labels(PLATFORM, "listed").inc(len(fresh))
            limit_ms = self._clock() - SETTLED_MS
            for item in items:
                if item.created_ms is not None and item.created_ms > limit_ms:
                    break
                self._confirmed[kind] = item.id
            at = items[-1].id
