"""Sends interactions to the topic: idempotent, acknowledged by all replicas, a bounded number on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline.access.kafka import kafka_options
from pipeline.errors import UnavailableError
from pipeline.settings import Settings
from pipeline.topic_admin import check_topics
from schemas.interaction import Interaction, encode_interaction
from schemas.rejected import Rejected, encode_rejected
from schemas.topics import INTERACTIONS, REJECTED

#: Enough to fill batches for every partition; what may have to be sent once more after a failure.
IN_FLIGHT = 10_000


class Sender:
    """Made by `open_sender`. `sent` counts what Kafka has acknowledged."""

    def __init__(self, producer: Any, settings: Settings) -> None:
        self._producer = producer
        self._interactions = settings.topic(INTERACTIONS.name)
        self._rejected = settings.topic(REJECTED.name)
        self._pending: list[asyncio.Future[Any]] = []
        self.sent = 0

    async def send(self, interaction: Interaction) -> None:
        """Kafka's own hash of the key puts it into the partition of its slot."""
        await self._send(self._interactions, encode_interaction(interaction), interaction.key.encode())

    async def reject(self, rejected: Rejected) -> None:
        """Keep what could not be sent."""
        await self._send(self._rejected, encode_rejected(rejected), None)

    async def flush(self) -> None:
        """Wait for Kafka's acknowledgement of everything so far."""
        pending, self._pending = self._pending, []
        await asyncio.gather(*pending)
        self.sent += len(pending)

    async def _send(self, topic: str, value: bytes, key: bytes | None) -> None:
        self._pending.append(await self._producer.send(topic, value, key=key))
        if len(self._pending) >= IN_FLIGHT:
            await self.flush()


@asynccontextmanager
async def open_sender(settings: Settings) -> AsyncIterator[Sender]:
    """A sender; at the end of the `with` all is acknowledged. Raises TopicsError and UnavailableError."""
    await asyncio.to_thread(check_topics, settings)
    producer = AIOKafkaProducer(
        **kafka_options(settings),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=20,
        max_batch_size=1 << 18,
    )
    try:
        await producer.start()
        sender = Sender(producer, settings)
        yield sender
        await sender.flush()
    except KafkaError as error:
        servers = ",".join(settings.kafka_servers)
        raise UnavailableError(
            f"Kafka at {servers} did not take it ({error}); run the command again: what it took already counts once"
        ) from error
    finally:
        await producer.stop()
