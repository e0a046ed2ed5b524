"""Opening and closing the Kafka producer: idempotent, acks=all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

from pipeline.access.kafka import kafka_options
from pipeline.settings import Settings

logger = logging.getLogger("twoway.gateway")

#: Below the broker's own limit of a batch (1,048,588 bytes) with room for its head.
BATCH_BYTES = 900_000
#: How long a broker may take with one request before it is sent again. The wait of a webhook is shorter and its own.
REQUEST_TIMEOUT_MS = 5_000
START_TIMEOUT_S = 10.0
#: New leaders and partitions are seen within this at the latest.
METADATA_AGE_MS = 60_000
CLOSE_TIMEOUT_S = 3.0

Opener = Callable[[], Awaitable[AIOKafkaProducer]]


def producer_opener(settings: Settings) -> Opener:
    """A function that gives a started producer, or raises KafkaError or TimeoutError."""

    async def open_producer() -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **kafka_options(settings),
            client_id="twoway-gateway",
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=METADATA_AGE_MS,
            retry_backoff_ms=50,
        )
        try:
            await asyncio.wait_for(producer.start(), START_TIMEOUT_S)
        except BaseException:
            await close_producer(producer)
            raise
        return producer

    return open_producer


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Flush and close it; batches that are not acknowledged within CLOSE_TIMEOUT_S are given up."""
    stopping = asyncio.create_task(producer.stop())
    await asyncio.wait({stopping}, timeout=CLOSE_TIMEOUT_S)
    if not stopping.done():
        # stop() waits for its batches for ever, and aiokafka has no public way to give them up. Whoever waited for
        # them has had an answer.
        producer._message_accumulator.fail_all(ProducerClosed())
        await asyncio.wait({stopping}, timeout=CLOSE_TIMEOUT_S)
    if not stopping.done():
        stopping.cancel()
    elif stopping.exception() is None:
        return
    logger.warning("a Kafka producer did not close cleanly; its connections are dropped")
    await producer.client.close()
