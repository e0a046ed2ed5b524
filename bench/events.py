"""Interactions to measure with: many accounts and posts of very different size, as platforms deliver them.

Accounts and posts follow Zipf's law; 85 % likes, 10 % comments with a short text, 5 % shares; 2 % are repeats of an
earlier record, 1 % come up to five minutes late. Event times run over 2 h 47 min and end now. The seed is fixed: the
same number of events is the same list of interactions, moved in time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
from confluent_kafka import Producer

from pipeline.settings import Settings
from schemas.interaction import Interaction, encode_interaction
from schemas.topics import INTERACTIONS

ACCOUNTS = 1_000
POSTS_PER_ACCOUNT = 50
SPAN_MS = 10_000_000
LATE_MS = 300_000
LATE_SHARE = 0.01
REPEATED_SHARE = 0.02
SEED = 7
TEXT = "Does it come in blue, and when will it be in the shops here?"
#: Odd, so that event number -> actor is one to one: nobody likes a post twice.
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835


def records(count: int, end_ms: int, *, are_bare: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record, in the order of arrival. Bare ones name no actor and carry no text: what only our
    worker does with these falls away."""
    rng = np.random.default_rng(SEED)
    accounts = ((rng.zipf(1.2, count) - 1) % ACCOUNTS).tolist()
    posts = ((rng.zipf(1.3, count) - 1) % POSTS_PER_ACCOUNT).tolist()
    kinds = rng.choice(["like", "comment", "share"], count, p=[0.85, 0.10, 0.05]).tolist()
    late_ms = (rng.integers(0, LATE_MS, count) * (rng.random(count) < LATE_SHARE)).tolist()
    repeated = (rng.random(count) < REPEATED_SHARE).tolist()
    earlier = rng.integers(0, 1 << 40, count).tolist()
    memory: list[tuple[bytes, bytes]] = []
    for number in range(count):
        if repeated[number] and memory:
            yield memory[earlier[number] % len(memory)]
            continue
        time_ms = end_ms - SPAN_MS + number * SPAN_MS // count - late_ms[number]
        interaction = interaction_of(number, accounts[number], posts[number], kinds[number], time_ms)
        if are_bare:
            interaction = msgspec.structs.replace(interaction, actor=None, text=None)
        record = interaction.key.encode(), encode_interaction(interaction)
        if number % 7 == 0:
            memory.append(record)
        yield record


def fill(settings: Settings, count: int, made: Iterable[tuple[bytes, bytes]] | None = None) -> float:
    """Send `count` of `records`, or what was made elsewhere, to `interactions`, lz4, by Kafka's own hash of the key;
    gives the seconds it took."""
    topic = settings.topic(INTERACTIONS.name)
    producer = Producer(
        {
            "bootstrap.servers": ",".join(settings.kafka_servers),
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "log_level": 3,
            "batch.num.messages": 10_000,
        }
    )
    began = time.perf_counter()
    for number, (key, value) in enumerate(made or records(count, int(time.time() * 1000))):
        _produce(producer, topic, key, value)
        if number % 1_000 == 0:
            producer.poll(0)
    if left := producer.flush(60):
        raise RuntimeError(f"{left} of {count} records were not delivered to {topic} within 60 s")
    return time.perf_counter() - began


def _produce(producer: Producer, topic: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key=key)
        except BufferError:  # its queue is full: let it deliver
            producer.poll(0.1)
        else:
            return


def interaction_of(number: int, account: int, post: int, kind: str, time_ms: int) -> Interaction:
    """What is counted; every number is an actor and an object of its own."""
    account_id = f"{100_000 + account}"
    post_id = f"{account_id}_{post}"
    actor = f"{number * _SPREAD % 2**128:032x}"
    return Interaction(
        platform="facebook",
        account=account_id,
        kind=kind,  # type: ignore[arg-type]
        action="add",
        post=post_id,
        id=f"{post_id}/{actor}" if kind == "like" else f"{post_id}_{number}",
        actor=actor,
        time_ms=time_ms,
        text=TEXT if kind == "comment" else None,
    )
