"""How a role serves HTTP: binds its address, runs uvicorn without uvicorn's signals, drains when it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from pipeline.errors import SettingsError

BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us and tells when it is up."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._before_stop = before_stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        await super().shutdown(sockets)


@asynccontextmanager
async def served(
    app: ASGIApp,
    listener: socket.socket,
    *,
    drain_s: int,
    before_stop: Callable[[], None] = lambda: None,
    **options: Any,
) -> AsyncIterator[None]:
    """Serve the app on the listener while the block runs; then take no new requests and let those under way finish,
    for `drain_s` at the most. `before_stop` ends what would hold that up."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=drain_s,
        **options,
    )
    server = _Server(config, before_stop)
    task = asyncio.create_task(server.serve([listener]), name="server")
    task.add_done_callback(lambda _: server.up.set())
    try:
        await server.up.wait()
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set while the block runs."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def listen(role: str, host: str, port: int) -> socket.socket:
    """A socket that listens on TWOWAY_<ROLE>_HOST and _PORT; port 0 takes a free one. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only then: without it an answer takes 44 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        names = f"TWOWAY_{role.upper()}_HOST and TWOWAY_{role.upper()}_PORT"
        raise SettingsError(f"{names} are {host}:{port}; cannot bind: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


def address_of(listener: socket.socket) -> str:
    """Such as `http://127.0.0.1:8002`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
