"""The gateway as a role: binds, serves until it is told to stop, drains, then flushes and closes.

Stopping takes no new requests; those under way finish and get their true answer; only then are Kafka and Redis left.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from pipeline.errors import SettingsError
from pipeline.gateway import metrics
from pipeline.gateway.app import build_app
from pipeline.gateway.budget import Budget
from pipeline.gateway.connections import Connections
from pipeline.gateway.directory import Directory
from pipeline.gateway.producer import producer_opener
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.gateway.publisher import Publisher
from pipeline.settings import Settings
from schemas.topics import INTERACTIONS, REJECTED

logger = logging.getLogger("twoway.gateway")

#: What requests under way may still take after the signal: longer than a slow body and Kafka's time-out together.
DRAIN_S = 30
#: Senders keep connections open between webhooks; opening one anew costs them more than it costs us to keep it.
KEEP_ALIVE_S = 75
BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us and tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


async def run_gateway(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError when it may not start, and whatever breaks its publisher."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with serving(settings) as (address, broken):
            logger.info("gateway listens on %s", address)
            _settle_memory()
            stopping = asyncio.create_task(stopped.wait())
            ends: set[asyncio.Future[Any]] = {stopping, broken}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if broken.done():
                broken.result()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[str, asyncio.Future[Any]]]:
    """The gateway, served while the block runs: its address, and a future that ends only if it cannot go on."""
    pseudonym = keyed_pseudonym(settings.actor_key)
    connections = Connections(Path(settings.connections_file))
    listener = _bind(settings)
    budget = Budget()
    metrics.IN_FLIGHT_BYTES.set_function(lambda: budget.used_bytes)
    topics = (settings.topic(INTERACTIONS.name), settings.topic(REJECTED.name))
    publisher = Publisher(producer_opener(settings), topics, settings.produce_timeout_ms / 1000, budget)
    directory = Directory(settings)
    broken = publisher.start()
    watcher = asyncio.create_task(connections.watch(), name="connections")
    try:
        app = build_app(settings, connections, publisher, directory, pseudonym, budget)
        async with _served(app, listener):
            yield _address(listener), broken
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
        await publisher.close()
        await directory.close()


@asynccontextmanager
async def _served(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name="gateway")
    task.add_done_callback(lambda _: server.up.set())
    try:
        await server.up.wait()
        yield
    finally:
        server.should_exit = True
        await task


def _settle_memory() -> None:
    """Take what the start made out of the collector's sight: its scans cost more than a request otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.gateway_host else socket.AF_INET
    try:
        return socket.create_server((settings.gateway_host, settings.gateway_port), family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"{settings.gateway_host}:{settings.gateway_port}"
        raise SettingsError(
            f"TWOWAY_GATEWAY_HOST and TWOWAY_GATEWAY_PORT are {where}; cannot bind: {error.strerror}"
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
