"""The subscriber's helper: typed updates of the aggregate topics, the newest revision of each row, with kafka-python.

    with subscribe("localhost:9092", windows=["1m"]) as updates:
        for update in updates:
            print(update.account, update.comment_to_like)

An update is an upsert of one row (`schemas.engagement.Engagement`): keep the last one of each row and you have the
table. A record that cannot be read is counted in `unreadable`, logged once a partition, and passed over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from typing import Any, Literal, Self

import msgspec
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from pipeline.errors import TopicsError, UnavailableError
from pipeline.reading.updates import REMEMBERED_ROWS, Newest, Wanted
from schemas.engagement import Engagement, Entity, decode_engagement
from schemas.topics import ACCOUNTS, POSTS

logger = logging.getLogger("twoway.subscribe")

#: How long one poll waits for records: how soon an idle limit is noticed.
POLL_MS = 200
#: Time between two commits of a group: what comes again after a crash.
COMMIT_S = 5.0
#: How long the start waits for Kafka, and then for the topics' partitions.
START_S = 10.0
_TOPICS = {"post": POSTS.name, "account": ACCOUNTS.name}


class Subscription:
    """An iterator over updates. Close it, or use it in a `with`. Not for several threads at once."""

    def __init__(
        self, consumer: Any, wanted: Wanted, *, remembered_rows: int, idle_s: float | None, commits: bool
    ) -> None:
        self._consumer = consumer
        self._wanted = wanted
        self._newest = Newest(remembered_rows)
        self._idle_s = float("inf") if idle_s is None else idle_s
        self._commits = commits
        self._done: dict[TopicPartition, OffsetAndMetadata] = {}
        self._committed_at = time.monotonic()
        self._early: dict[Any, list[Any]] = {}
        self._reported: set[TopicPartition] = set()
        self._updates = self._read()
        #: Records that could not be read, and updates that were not newer than what had been given.
        self.unreadable = 0
        self.repeated = 0

    def __iter__(self) -> Iterator[Engagement]:
        return self

    def __next__(self) -> Engagement:
        return next(self._updates)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit what was given and leave. The update given last counts as done only if the next was asked for."""
        self._updates = iter(())
        self._commit()
        self._consumer.close(autocommit=False)

    def hold_place(self, topics: Collection[str]) -> None:
        """Fix the place to begin at now, not at the first read. Raises TopicsError when a topic is not there."""
        deadline = time.monotonic() + START_S
        while {partition.topic for partition in self._consumer.assignment()} != set(topics):
            if time.monotonic() > deadline:
                raise TopicsError(f"Kafka lacks one of {', '.join(topics)}; `twoway topics create` makes them")
            for partition, records in self._consumer.poll(timeout_ms=POLL_MS).items():
                self._early.setdefault(partition, []).extend(records)
        for partition in self._consumer.assignment():
            self._consumer.position(partition, timeout_ms=int(START_S * 1000))

    def _read(self) -> Iterator[Engagement]:
        last = time.monotonic()
        while time.monotonic() - last < self._idle_s:
            batches, self._early = self._early or self._consumer.poll(timeout_ms=POLL_MS), {}
            for partition, records in batches.items():
                for record in records:
                    update = self._update(partition, record)
                    if update is not None:
                        yield update
                    self._done[partition] = OffsetAndMetadata(record.offset + 1, "", -1)
                last = time.monotonic()
            if time.monotonic() - self._committed_at > COMMIT_S:
                self._commit()

    def _update(self, partition: Any, record: Any) -> Engagement | None:
        """The record's update; None for a deletion and for what is unreadable, not wanted or not newer."""
        if record.value is None:
            return None
        try:
            update = decode_engagement(record.value)
        except msgspec.MsgspecError as error:
            self._report(partition, record.offset, error)
            return None
        if not self._wanted.holds(update):
            return None
        if not self._newest.is_newer(update):
            self.repeated += 1
            return None
        return update

    def _commit(self) -> None:
        """Commit what is done of the partitions still ours; where Kafka is away, the next commit covers it."""
        self._committed_at = time.monotonic()
        owned = self._consumer.assignment()
        done = {partition: place for partition, place in self._done.items() if partition in owned}
        if not (self._commits and done):
            return
        try:
            self._consumer.commit(done, timeout_ms=int(COMMIT_S * 1000))
            self._done = {}
        except KafkaError as error:
            logger.warning("the group's place is not committed (%s); after a crash more would come again", error)

    def _report(self, partition: Any, offset: int, error: Exception) -> None:
        self.unreadable += 1
        if partition not in self._reported:
            self._reported.add(partition)
            where = f"{partition.topic}[{partition.partition}]@{offset}"
            logger.warning("%s cannot be read (%s): passed over; more of this partition are only counted", where, error)


def subscribe(
    servers: str | Collection[str] = "localhost:9092",
    *,
    entity: Entity | None = None,
    platforms: Collection[str] = (),
    accounts: Collection[str] = (),
    windows: Collection[str] = (),
    only_final: bool = False,
    start: Literal["now", "beginning"] = "now",
    group: str | None = None,
    topic_prefix: str = "",
    remembered_rows: int = REMEMBERED_ROWS,
    idle_s: float | None = None,
) -> Subscription:
    """Subscribe to the rows of posts and accounts, or of one entity; empty collections stand for all.

    `start` is where to begin; a `group` begins there only the first time, then goes on after what it was given (at
    least once: after a crash the last COMMIT_S come again). `idle_s`: end after so long without a record; None: never.
    Raises UnavailableError when Kafka does not answer, TopicsError when it lacks the topics.
    """
    topics = [topic_prefix + name for kind, name in _TOPICS.items() if entity in (None, kind)]
    wanted = Wanted(entity, frozenset(platforms), frozenset(accounts), frozenset(windows), only_final)
    try:
        consumer = KafkaConsumer(
            *topics,
            bootstrap_servers=servers if isinstance(servers, str) else list(servers),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest" if start == "beginning" else "latest",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=int(START_S * 1000),
        )
    except KafkaError as error:
        raise UnavailableError(f"Kafka at {servers} does not answer ({type(error).__name__})") from error
    subscription = Subscription(
        consumer, wanted, remembered_rows=remembered_rows, idle_s=idle_s, commits=group is not None
    )
    if group is None:
        _hold_place(subscription, topics)
    return subscription


def _hold_place(subscription: Subscription, topics: list[str]) -> None:
    try:
        subscription.hold_place(topics)
    except BaseException:
        subscription.close()
        raise
