"""Peer: a hand-written confluent-kafka consumer with dictionaries and a pipeline of HSET a batch.

python -m bench.peers.confluent SERVERS TOPIC REDIS_PORT EVENTS. The garbage collector is off: it costs a third here.
"""

from __future__ import annotations

import gc
import sys

import redis
from confluent_kafka import Consumer, TopicPartition

from bench.peers.outcome import Outcome
from bench.peers.rows import DictCounter

BATCH = 10_000


def main() -> None:
    servers, topic, port, events = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    gc.disable()
    client = redis.Redis(port=port)
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "peer",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    counter, outcome = DictCounter(), Outcome(events)
    while outcome.events < events:
        messages = consumer.consume(BATCH, timeout=0.1)
        if not messages:
            continue
        outcome.start()
        pipe = client.pipeline(transaction=False)
        for key, rows in counter.add(message.value() for message in messages).items():
            pipe.hset(key, mapping=rows)
        pipe.execute()
        for message in messages:
            outcome.counted(message.partition(), message.offset())
        consumer.commit(asynchronous=True)
    outcome.print()
    consumer.close()


if __name__ == "__main__":
    main()
