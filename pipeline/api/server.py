"""The API as a role: binds, serves until it is told to stop, and ends the open streams then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pipeline.api.app import build_app
from pipeline.api.hub import Hub
from pipeline.api.metrics import count_closed
from pipeline.api.tokens import Tokens
from pipeline.protocol import guarded
from pipeline.reading import Reader
from pipeline.serving import address_of, listen, served, stop_signal
from pipeline.settings import Settings
from pipeline.waiting import Phase, Waiting, most_connections

logger = logging.getLogger("twoway.api")

#: What a request that is under way may still take after the signal.
DRAIN_S = 5


async def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError when it may not, or cannot, bind its address."""
    async with stop_signal() as stopped, serving(settings) as address:
        logger.info("api listens on %s", address)
        await stopped.wait()


@asynccontextmanager
async def serving(settings: Settings, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[str]:
    """The API, served while the block runs; gives its address, such as `http://127.0.0.1:8002`. By the clock, in
    seconds, those are known who take too long.

    Raises SettingsError when its tokens do not fit its address."""
    hub, tokens = Hub(settings), Tokens(settings)
    async with Reader.connect(settings) as reader:
        listener = listen("api", settings.api_host, settings.api_port)
        watching = asyncio.create_task(tokens.watch(), name="tokens")
        waiting = Waiting(most_connections(), clock, count_closed)
        try:
            # The open streams would hold up the stop: they end first.
            app = build_app(reader, hub, tokens)
            async with served(
                app,
                listener,
                drain_s=DRAIN_S,
                before_stop=hub.close,
                http=guarded(waiting),
                ws="none",
                timeout_keep_alive=int(Phase.REQUEST.value),
            ):
                yield address_of(listener)
        finally:
            watching.cancel()
            await hub.stop()
