"""The worker's process: Faust with the count agent, the publisher and the health server, until a signal or a crash.

An unexpected exception ends the process with an exit code that is not 0: state lies in Redis and Kafka, so to leave is
safe, and to go on without knowing why is not.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from threading import Timer
from typing import Any

import faust
import uvloop
from faust.types import TP
from redis.asyncio import Redis

from agents.count import count_agent
from agents.services import Collector, Erasures, Health, Publisher, Servers
from pipeline.clock import wall_clock
from pipeline.errors import TwowayError
from pipeline.publishing.outlet import Outlet
from pipeline.serving import listen
from pipeline.settings import Settings
from pipeline.slots import check_partitions
from pipeline.store.connect import connect_redis
from pipeline.store.round_trip import TIMEOUT_S
from pipeline.table.table import Table
from pipeline.table.tables import Tables
from pipeline.transport.app import batches_topic, make_app
from pipeline.transport.records import use_parsers_records
from schemas.topics import INTERACTIONS

log = logging.getLogger("twoway.worker")

#: After a signal or a crash the process leaves at the latest after this, whatever still hangs: longer than a last
#: publication may take (`STOP_S`). State lies in Redis and Kafka.
LEAVE_S = 20
#: How long a thread may keep the interpreter from the other. The consumer's thread decodes while the main one folds: at
#: Python's 5 ms they get in each other's way, at 20 ms the worker does a tenth more events.
SWITCH_S = 0.02


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
