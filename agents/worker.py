"""The worker's process: Faust with the count agent, the publisher and the health server, until a signal or a crash.

An unexpected exception ends the process with an exit code that is not 0: state lies in Redis and Kafka, so to leave is
safe, and to go on without knowing why is not.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from threading import Timer
from typing import Any

import faust
import uvloop
from faust.types import TP
from mode import Service
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette

from agents.count import count_agent
from pipeline.clock import wall_clock
from pipeline.errors import TwowayError, UnavailableError
from pipeline.health import health_routes
from pipeline.privacy.follow import follow
from pipeline.publishing.outlet import Outlet
from pipeline.serving import address_of, listen, served
from pipeline.settings import Settings
from pipeline.slots import check_partitions
from pipeline.store.checkpoint import check_redis
from pipeline.store.connect import connect_redis
from pipeline.store.round_trip import TIMEOUT_S
from pipeline.table.mending import REDIS_AWAY
from pipeline.table.table import Table
from pipeline.table.tables import Tables
from pipeline.topic_admin import check_topics
from pipeline.transport.app import batches_topic, make_app
from pipeline.transport.records import use_parsers_records
from schemas.topics import INTERACTIONS

log = logging.getLogger("twoway.worker")

#: Between two looks at what is to be published.
PUBLISH_TICK_S = 0.2
#: After a signal or a crash the process leaves at the latest after this, whatever still hangs: longer than a last
#: publication may take (`STOP_S`). State lies in Redis and Kafka.
LEAVE_S = 20
#: How long a thread may keep the interpreter from the other. The consumer's thread decodes while the main one folds: at
#: Python's 5 ms they get in each other's way, at 20 ms the worker does a tenth more events.
SWITCH_S = 0.02
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


class CountWorker(faust.Worker):  # type: ignore[misc]
    """Faust's worker with our logging and without its screen."""

    def _setup_logging(self) -> None:
        """Logs are set up by whoever starts the role."""

    def _setproctitle(self, info: str, *, ident: str = "") -> None:
        """The process keeps its name: `twoway worker`."""

    async def on_first_start(self) -> None:
        await self.default_on_first_start()

    def _schedule_shutdown(self, signal: Any) -> None:
        _leave_at_last(0)
        super()._schedule_shutdown(signal)

    def _crash(self, reason: BaseException) -> None:
        if not self.crashed:
            _leave_at_last(1)
        super()._crash(reason)


def _leave_at_last(exit_code: int) -> None:
    """Clients that cannot reach their servers may hang in their own farewell: then the process leaves without."""
    leave = Timer(LEAVE_S, os._exit, (exit_code,))
    leave.daemon = True
    leave.start()


def run_worker(settings: Settings) -> None:
    """Count until SIGTERM or SIGINT (exit code 0) or a crash (1). Raises SystemExit, or the TwowayError behind it."""
    uvloop.install()
    sys.setswitchinterval(SWITCH_S)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    use_parsers_records()
    # redis-py would arm a timer for each answer of a pipeline (4 % of the worker); `round_trip` arms one for all.
    redis = connect_redis(settings, timeout_s=None, connect_s=TIMEOUT_S)
    listener = listen("worker", settings.worker_host, settings.worker_port)
    servers = Servers(settings, redis)
    outlet = Outlet(settings)
    app, tables = make_app(settings, lambda app: _make_tables(app, settings, redis, outlet, servers))
    app.outlet = outlet
    count_agent(app, batches_topic(app, settings.topic(INTERACTIONS.name)), tables)
    loop.set_exception_handler(lambda loop, context: _on_error(app, context))
    worker = CountWorker(
        app,
        # In this order: healthy while it waits, and the app only when the servers are there.
        Health(settings, listener, app, redis),
        servers,
        Publisher(tables),
        Erasures(settings, redis),
        Collector(),
        loop=loop,
        redirect_stdouts=False,
        quiet=True,
    )
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit:
        # What we refuse on purpose needs no stack trace: the command line says it in one line.
        refused = servers.refused or worker.crash_reason
        if isinstance(refused, TwowayError):
            raise refused from None
        raise


def _make_tables(app: faust.App, settings: Settings, redis: Redis, outlet: Outlet, servers: Servers) -> Tables:
    name = settings.topic(INTERACTIONS.name)

    def make(partition: int) -> Table:
        # The client forgets its metadata for a moment when a broker goes away.
        there = app.consumer.topic_partitions(name) or servers.partitions
        servers.partitions = check_partitions(name, there)
        return Table(partition, there, settings, redis, outlet, wall_clock)

    async def seek(partition: int, offset: int) -> None:
        await app.consumer.seek(TP(name, partition), offset)

    async def limits(partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        tps = [TP(name, partition) for partition in partitions]
        earliest, ends = await asyncio.gather(app.consumer.earliest_offsets(*tps), app.consumer.highwaters(*tps))
        return {tp.partition: (earliest[tp], ends[tp]) for tp in tps}

    return Tables(settings, make, seek, limits)


def _on_error(app: faust.App, context: Mapping[str, Any]) -> None:
    log.error("unexpected: %s", context.get("message"), exc_info=context.get("exception"))
    if context.get("exception") is not None:
        asyncio.get_event_loop().call_later(LEAVE_S, os._exit, 1)
