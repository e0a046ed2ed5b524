"""What runs beside the count agent in the worker's process, each a service that starts and stops with it."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

import faust
from mode import Service
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette

from pipeline.errors import TwowayError, UnavailableError
from pipeline.health import health_routes
from pipeline.privacy.follow import follow
from pipeline.serving import address_of, served
from pipeline.settings import Settings
from pipeline.store.checkpoint import check_redis
from pipeline.table.mending import REDIS_AWAY
from pipeline.table.tables import Tables
from pipeline.topic_admin import check_topics
from schemas.topics import INTERACTIONS

log = logging.getLogger("twoway.worker")

#: Between two looks at what is to be published.
PUBLISH_TICK_S = 0.2
#: Between two runs of the cyclic collector.
COLLECT_S = 60
#: What Kafka and Redis may take to be ready.
READY_S = 1
#: Between two looks whether Kafka and Redis are there at the start.
START_RETRY_S = 1


class Publisher(Service):  # type: ignore[misc]
    """Publishes what is due, a few times a second."""

    def __init__(self, tables: Tables, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tables = tables

    @Service.task
    async def _publish(self) -> None:
        while not self.should_stop and not self.tables.stopping:
            await self.tables.publish()
            await self.sleep(PUBLISH_TICK_S)


class Collector(Service):  # type: ignore[misc]
    """The cyclic collector by the clock instead of by the number of objects.

    Records and pages die by their reference counts; only what libraries tie into cycles waits for the collector. Left
    to itself it scanned every fetch's records again and again: 14 % of the processor. What it has seen once is frozen,
    so a pause depends on what is new and not on how many pages are in memory.
    """

    @Service.task
    async def _collect(self) -> None:
        gc.disable()
        while not self.should_stop:
            gc.collect()
            gc.freeze()
            await self.sleep(COLLECT_S)


class Health(Service):  # type: ignore[misc]
    """The worker's /livez, /readyz and /metrics."""

    def __init__(
        self, settings: Settings, listener: socket.socket, app: faust.App, redis: Redis, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.listener = listener
        self.app = app
        self.redis = redis

    @Service.task
    async def _serve(self) -> None:
        async with served(Starlette(routes=health_routes(self._ready)), self.listener, drain_s=1):
            log.info("worker counts; its health is at %s", address_of(self.listener))
            await self.wait_for_stopped()

    async def _ready(self) -> Mapping[str, bool]:
        """Kafka: the group has given us an assignment (it may be empty) and a broker answers. Redis: it answers."""
        assigned = self.app._assignment is not None and not self.app.rebalancing
        kafka, redis = await asyncio.gather(self._in_time(self._reach_kafka()), self._in_time(self.redis.ping()))
        return {"kafka": assigned and kafka, "redis": redis}

    async def _reach_kafka(self) -> bool:
        for server in self.settings.kafka_servers:
            host, _, port = server.rpartition(":")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
                writer.close()
                return True
        return False

    @staticmethod
    async def _in_time(answer: Awaitable[Any]) -> bool:
        try:
            return bool(await asyncio.wait_for(answer, READY_S))
        except (TimeoutError, OSError, RedisError):
            return False


class Erasures(Service):  # type: ignore[misc]
    """Erases the actors of whom that is asked, and again in a Redis that was filled anew."""

    def __init__(self, settings: Settings, redis: Redis, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.redis = redis

    @Service.task
    async def _erase(self) -> None:
        await follow(self.settings, self.redis)


class Servers(Service):  # type: ignore[misc]
    """Waits for Kafka and Redis before the app starts, and finds how many partitions there are."""

    partitions = 0
    #: What waiting does not mend: TopicsError, StateError.
    refused: TwowayError | None = None

    def __init__(self, settings: Settings, redis: Redis, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.redis = redis

    async def on_start(self) -> None:
        waiting = False
        while not self.should_stop:
            try:
                found = await asyncio.to_thread(check_topics, self.settings)
                await check_redis(self.redis)
                self.partitions = found[INTERACTIONS.name].partitions
                return
            except (UnavailableError, *REDIS_AWAY) as error:
                if not waiting:
                    log.warning("waiting for Kafka and Redis: %s", error)
                waiting = True
                await asyncio.sleep(START_RETRY_S)
            except TwowayError as error:
                self.refused = error
                raise
