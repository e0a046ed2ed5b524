"""What subscriptions share: an iterator over the records of topics, where it begins, and what a group was given.

A record that cannot be read is counted in `unreadable`, logged once a partition, and passed over.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, Literal, Self, TypeVar

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from pipeline.access.refusals import kafka_away, kafka_refusal, now
from pipeline.errors import TopicsError, UnavailableError

logger = logging.getLogger("twoway.subscribe")

Item = TypeVar("Item")
Start = Literal["now", "beginning"]

#: How long one poll waits for records: how soon an idle limit is noticed.
POLL_MS = 200
#: Time between two commits of a group: what comes again after a crash.
COMMIT_S = 5.0
#: How long the start waits for Kafka, and then for the topics' partitions.
START_S = 10.0


class Subscription(ABC, Generic[Item]):
    """An iterator over what the records say. Close it, or use it in a `with`. Not for several threads at once."""

    def __init__(self, consumer: Any, *, idle_s: float | None, commits: bool) -> None:
        self._consumer = consumer
        self._idle_s = float("inf") if idle_s is None else idle_s
        self._commits = commits
        self._done: dict[TopicPartition, OffsetAndMetadata] = {}
        self._committed_at = time.monotonic()
        self._early: dict[Any, list[Any]] = {}
        self._reported: set[TopicPartition] = set()
        self._items = self._read()
        #: Records that could not be read.
        self.unreadable = 0

    @abstractmethod
    def item(self, record: Any) -> Item | None:
        """What a record says; None where it is not wanted. Raises ValueError where it cannot be read."""

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit what was given and leave. What was given last counts as done only if the next was asked for."""
        self._items = iter(())
        self._commit()
        self._consumer.close(autocommit=False)

    def hold_place(self, topics: Collection[str]) -> None:
        """Fix the place to begin at now, not at the first read. Raises UnavailableError when Kafka takes too long."""
        deadline = time.monotonic() + START_S
        while {partition.topic for partition in self._consumer.assignment()} != set(topics):
            if time.monotonic() > deadline:
                raise UnavailableError(f"Kafka gave no partitions of {', '.join(topics)} within {START_S:g} s")
            for partition, records in self._consumer.poll(timeout_ms=POLL_MS).items():
                self._early.setdefault(partition, []).extend(records)
        for partition in self._consumer.assignment():
            self._consumer.position(partition, timeout_ms=int(START_S * 1000))

    def _read(self) -> Iterator[Item]:
        last = time.monotonic()
        while time.monotonic() - last < self._idle_s or not self._is_at_end():
            batches, self._early = self._early or self._consumer.poll(timeout_ms=POLL_MS), {}
            for partition, records in batches.items():
                for record in records:
                    item = self._item(partition, record)
                    if item is not None:
                        yield item
                    self._done[partition] = OffsetAndMetadata(record.offset + 1, "", -1)
                last = time.monotonic()
            if time.monotonic() - self._committed_at > COMMIT_S:
                self._commit()

    def _is_at_end(self) -> bool:
        """Whether all that there is was given: a broker that is slow is no lull. One that does not answer is."""
        wait_ms = int(START_S * 1000)
        try:
            ends = self._consumer.end_offsets(self._consumer.assignment(), timeout_ms=wait_ms)
            places = {partition: self._consumer.position(partition, timeout_ms=wait_ms) for partition in ends}
        except KafkaError:
            return True
        return all(place is not None and place >= ends[partition] for partition, place in places.items())

    def _item(self, partition: Any, record: Any) -> Item | None:
        try:
            return self.item(record)
        except ValueError as error:
            self._report(partition, record.offset, error)
            return None

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


def open_consumer(
    servers: str | Collection[str],
    topics: Collection[str],
    start: Start,
    group: str | None,
    security: Mapping[str, Any],
) -> Any:
    """A consumer of these topics. Raises UnavailableError when Kafka does not answer, TopicsError when it lacks one."""
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=servers if isinstance(servers, str) else list(servers),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest" if start == "beginning" else "latest",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=int(START_S * 1000),
            **security,
        )
    except KafkaError as error:
        known = [servers] if isinstance(servers, str) else list(servers)
        refusal = now(kafka_refusal(known, security, likely=True))
        raise UnavailableError(refusal or kafka_away(known, error)) from error
    try:
        _wait_for(consumer, topics)
    except BaseException:
        consumer.close(autocommit=False)
        raise
    consumer.subscribe(topics)
    return consumer


def _wait_for(consumer: Any, topics: Collection[str]) -> None:
    """Wait until the consumer knows the topics' partitions. One that joins a group before that may share out none:
    kafka-python (3.0.12) takes the answer to its first request, which names no topic, for that to the next one.
    """
    deadline = time.monotonic() + START_S
    while not all(consumer.partitions_for_topic(topic) for topic in topics):
        if time.monotonic() > deadline:
            raise TopicsError(f"Kafka lacks one of {', '.join(topics)}; `twoway topics create` makes them")
        time.sleep(POLL_MS / 1000)


def begin(subscription: Subscription[Any], topics: Collection[str]) -> None:
    """Hold the place of a subscription without a group, or close it. Raises UnavailableError."""
    try:
        subscription.hold_place(topics)
    except BaseException:
        subscription.close()
        raise
