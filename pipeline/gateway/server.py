"""The gateway as a role: binds, serves until it is told to stop, drains, then flushes and closes.

Stopping takes no new requests; those under way finish and get their true answer; only then are Kafka and Redis left.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pipeline.clock import wall_clock
from pipeline.gateway import metrics
from pipeline.gateway.app import build_app
from pipeline.gateway.budget import Budget
from pipeline.gateway.connections import Connections
from pipeline.gateway.directory import Directory
from pipeline.gateway.intake import WRITTEN
from pipeline.gateway.outside import Outside
from pipeline.gateway.producer import producer_opener
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.gateway.public_keys import PublicKeys
from pipeline.gateway.publisher import Publisher
from pipeline.protocol import guarded
from pipeline.serving import address_of, listen, served, stop_signal
from pipeline.settings import Settings
from pipeline.waiting import Phase, Waiting, most_connections

logger = logging.getLogger("twoway.gateway")

#: What requests under way may still take after the signal: longer than a slow body and Kafka's time-out together.
DRAIN_S = 30


async def run_gateway(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError when it may not start, and whatever breaks its publisher."""
    async with stop_signal() as stopped, serving(settings) as (address, broken):
        logger.info("gateway listens on %s", address)
        settle_memory()
        stopping = asyncio.create_task(stopped.wait())
        ends: set[asyncio.Future[Any]] = {stopping, broken}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if broken.done():
            broken.result()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[str, asyncio.Future[Any]]]:
    """The gateway, served while the block runs: its address, and a future that ends only if it cannot go on."""
    pseudonym = keyed_pseudonym(settings.actor_key)
    connections = Connections(Path(settings.connections_file))
    listener = listen("gateway", settings.gateway_host, settings.gateway_port)
    budget = Budget()
    metrics.IN_FLIGHT_BYTES.set_function(lambda: budget.used_bytes)
    topics = tuple(settings.topic(topic.name) for topic in WRITTEN)
    publisher = Publisher(producer_opener(settings), topics, settings.produce_timeout_ms / 1000, budget)
    directory = Directory(settings)
    keys = PublicKeys(Outside(settings.key_fetch_local), wall_clock)
    broken = publisher.start()
    watcher = asyncio.create_task(connections.watch(), name="connections")
    try:
        app = build_app(settings, connections, publisher, directory, pseudonym, budget, keys)
        waiting = Waiting(most_connections(), closed=lambda reason: metrics.SOCKETS_CLOSED.labels(reason).inc())
        metrics.SOCKETS.set_function(lambda: len(waiting))
        # Senders keep connections open between webhooks; opening one anew costs them more than it costs us to keep it.
        keep_s = int(Phase.REQUEST.value)
        async with served(app, listener, drain_s=DRAIN_S, http=guarded(waiting), ws="none", timeout_keep_alive=keep_s):
            yield address_of(listener), broken
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
        await keys.close()
        await publisher.close()
        await directory.close()


def settle_memory() -> None:
    """Take what the start made out of the collector's sight: its scans cost more than a request otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
