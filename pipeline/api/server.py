"""The API as a role: binds, serves until it is told to stop, and ends the open streams then."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from pipeline.api.app import build_app
from pipeline.api.hub import Hub
from pipeline.errors import SettingsError
from pipeline.reading import Reader
from pipeline.settings import Settings

logger = logging.getLogger("twoway.api")

#: What a request that is under way may still take after the signal.
DRAIN_S = 5
BACKLOG = 1024


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us, and ends the streams first: they would hold up its stop."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


async def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError when it may not, or cannot, bind its address."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with serving(settings) as address:
            logger.info("api listens on %s", address)
            await stopped.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The API, served while the block runs; gives its address, such as `http://127.0.0.1:8002`."""
    hub = Hub(settings)
    async with Reader.connect(settings) as reader:
        app = build_app(settings, reader, hub)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_S,
        )
        listener = _bind(settings)
        server = _Server(config, hub)
        task = asyncio.create_task(server.serve([listener]), name="api")
        task.add_done_callback(lambda _: server.up.set())
        try:
            await server.up.wait()
            yield _address(listener)
        finally:
            server.should_exit = True
            await task
            await hub.stop()


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only then: without it an answer takes 44 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.api_host, settings.api_port))
    except OSError as error:
        listener.close()
        where = f"{settings.api_host}:{settings.api_port}"
        raise SettingsError(
            f"TWOWAY_API_HOST and TWOWAY_API_PORT are {where}; cannot bind: {error.strerror}"
        ) from error
    listener.listen(BACKLOG)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
