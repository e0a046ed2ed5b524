"""Telling subscribers: what a table publishes, on its way into the aggregate topics, in the order that they rely on."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline import metrics
from pipeline.crash_points import crash_points
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.queue import Queue, Waiting
from pipeline.publishing.record_batch import Batches
from pipeline.settings import Settings
from pipeline.table.publication import Publication
from schemas.topics import ACCOUNTS, ALERTS, POSTS, UNANSWERED


class Telling:
    """Sends what one partition publishes, and waits until Kafka has it. Everything here raises KafkaError."""

    def __init__(self, settings: Settings, outlet: Outlet, partition: int, queue: Queue) -> None:
        self._outlet = outlet
        self._partition = partition
        self._queue = queue
        self._crash = crash_points(settings.crash_at)
        self._topics = {
            "post": settings.topic(POSTS.name),
            "account": settings.topic(ACCOUNTS.name),
            "comment": settings.topic(UNANSWERED.name),
            "alert": settings.topic(ALERTS.name),
        }

    async def rows_and_queue(self, publication: Publication, waiting: dict[str, Waiting]) -> None:
        """Rows, and comments whose waiting changed. Raises RedisError, for texts are read back from there."""
        queue = await self._queue.records(waiting)
        await self._tell("post", publication.posts)
        self._crash.reach("between-rows")
        await self._tell("account", publication.accounts)
        self._crash.reach("after-rows")
        await self._tell("comment", Batches.of(queue))
        self._crash.reach("after-queue")
        await self._tell("comment", Batches.of(await self._queue.overtaken(waiting, queue)))

    async def correct(self, waiting: dict[str, Waiting]) -> None:
        """Tell once more of the comments of which what was told is no longer true. Another owner told that already,
        perhaps before us: the last word counts, and this topic has no revisions. Raises RedisError as well."""
        untrue = await self._queue.untrue(waiting)
        queue = await self._queue.records(untrue)
        await self._tell("comment", Batches.of(queue))
        await self._tell("comment", Batches.of(await self._queue.overtaken(untrue, queue)))

    async def alerts(self, outbox: Mapping[str, bytes]) -> None:
        """Alerts by their names."""
        await self._tell("alert", Batches.of((name.encode(), value) for name, value in outbox.items()))

    async def _tell(self, entity: str, records: Batches) -> None:
        if records:
            sent = await self._outlet.send(self._topics[entity], self._partition, records)
            metrics.PUBLISHED.labels(entity).inc(sent)
