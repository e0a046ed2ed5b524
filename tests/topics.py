"""Reads and writes topics plainly: what other people's programs do."""

from __future__ import annotations

from collections.abc import Iterable

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from pipeline.settings import Settings
from schemas.topics import Topic


def write_topic(settings: Settings, topic: Topic, partition: int, values: Iterable[bytes | None]) -> None:
    """Append values to one partition, acknowledged."""
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka_servers), acks="all")
    for value in values:
        producer.send(settings.topic(topic.name), value=value, key=b"k", partition=partition)
    producer.flush()
    producer.close()


def read_topic(settings: Settings, topic: Topic) -> list[bytes]:
    """All values that the topic holds now."""
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), auto_offset_reset="earliest")
    name = settings.topic(topic.name)
    partitions = [TopicPartition(name, p) for p in consumer.partitions_for_topic(name)]
    consumer.assign(partitions)
    left = sum(consumer.end_offsets(partitions).values())
    values: list[bytes] = []
    while len(values) < left:
        for records in consumer.poll(timeout_ms=500).values():
            values += [record.value for record in records]
    consumer.close()
    return values


def ends(settings: Settings, topic: Topic) -> dict[int, int]:
    """Of each partition the offset that its next record will have."""
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers))
    name = settings.topic(topic.name)
    found = consumer.end_offsets([TopicPartition(name, p) for p in consumer.partitions_for_topic(name)])
    consumer.close()
    return {one.partition: end for one, end in found.items()}


def drop_beginning(settings: Settings, topic: Topic) -> None:
    """Let Kafka forget every record that the topic holds, as its retention would."""
    name = settings.topic(topic.name)
    records = {TopicPartition(name, partition): end for partition, end in ends(settings, topic).items() if end}
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        admin.delete_records(records)
