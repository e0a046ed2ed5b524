"""What subscribers were told, against Redis: rows of posts, and the queue of unanswered comments."""

from __future__ import annotations

import redis
from kafka import KafkaConsumer, TopicPartition

from pipeline.settings import Settings
from pipeline.store.keys import decode_id
from schemas.topics import UNANSWERED
from schemas.unanswered import unanswered_key
from tests.integration.work import counts_of, newest_updates, page_of, shown


def published_is_right(settings: Settings, posts: int) -> bool:
    """Whether the newest revision of every published row of so many posts says what Redis says."""
    newest = newest_updates(settings, lambda _: False, idle_s=2)
    pages = {row.id: page_of(settings, row.account, row.id) for row in newest if row.entity == "post"}
    wrong = [row for row in newest if row.entity == "post" and shown(settings, pages[row.id], row) != counts_of(row)]
    return len(pages) == posts and not wrong


def queue_is_right(settings: Settings) -> bool:
    """Whether the comments whose newest record in the topic is no tombstone are those that wait in Redis."""
    return published_queue(settings) == queue_in_redis(settings)


def queue_in_redis(settings: Settings) -> set[str]:
    """What waits for a reply, by the topic's keys."""
    found = set()
    with redis.Redis.from_url(settings.redis_url.reveal(), decode_responses=True) as client:
        for key in client.scan_iter(match=f"{settings.key_prefix}:{{*}}:unanswered:*", count=1_000):
            platform = key.split(":unanswered:", 1)[1].partition(":")[0]
            for member in client.zrange(key, 0, -1):
                mark, _, post = member.partition(":")
                found.add(unanswered_key(platform, decode_id(post), mark))
    return found


def published_queue(settings: Settings) -> set[str]:
    """The keys of the topic whose newest record is a comment."""
    topic = settings.topic(UNANSWERED.name)
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        newest: dict[str, bytes | None] = {}
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=200).values():
                newest |= {record.key.decode(): record.value for record in records}
    finally:
        consumer.close()
    return {key for key, value in newest.items() if value is not None}
