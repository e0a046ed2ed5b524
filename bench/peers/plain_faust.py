"""Peer: Faust as its documentation shows it: an agent, `take`, dictionaries and a pipeline of HSET a batch.

PEER="SERVERS TOPIC REDIS_PORT EVENTS" python -m bench.peers.plain_faust worker --without-web -l error
"""

from __future__ import annotations

import os
import tempfile
import uuid
from typing import Any

import faust
import redis.asyncio

from bench.peers.outcome import Outcome
from bench.peers.rows import DictCounter

BATCH = 2_000
WITHIN_S = 0.5


def build(servers: str, name: str, port: int, events: int) -> faust.App:
    """The app; it prints its outcome and ends after so many events."""
    app = faust.App(
        f"peer-{uuid.uuid4().hex[:8]}",
        broker=f"kafka://{servers}",
        store="memory://",
        topic_partitions=4,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=tempfile.mkdtemp(prefix="plain-faust-"),
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=5_000,
        stream_buffer_maxsize=16_384,
    )
    topic = app.topic(name, key_serializer="raw", value_serializer="raw")
    client = redis.asyncio.Redis(port=port)
    counter, outcome = DictCounter(), Outcome(events)

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def count(stream: Any) -> None:
        async for batch in stream.take_events(BATCH, within=WITHIN_S):
            outcome.start()
            pipe = client.pipeline(transaction=False)
            for key, rows in counter.add(event.value for event in batch).items():
                pipe.hset(key, mapping=rows)
            await pipe.execute()
            for event in batch:
                outcome.counted(event.message.partition, event.message.offset)
            if outcome.events >= events:
                outcome.print()
                os._exit(0)

    return app


def main() -> None:
    servers, topic, port, events = os.environ["PEER"].split()
    build(servers, topic, int(port), int(events)).main()


if __name__ == "__main__":
    main()
