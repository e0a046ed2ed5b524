"""`twoway notify` as a role: health and metrics over HTTP, one consumer, one receiver. Until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from pipeline.clock import wall_clock
from pipeline.health import health_routes
from pipeline.notifying.deliveries import Deliveries
from pipeline.notifying.ledger import Ledger
from pipeline.notifying.notifier import Notifier
from pipeline.notifying.receiver import Receiver
from pipeline.serving import address_of, listen, served, stop_signal
from pipeline.settings import Settings

logger = logging.getLogger("twoway.notify")

DRAIN_S = 1
HOUR_MS = 3_600_000


async def run_notify(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT. Raises SettingsError when it may not start, and whatever breaks it for good."""
    async with stop_signal() as stopped, notifying(settings) as (address, ended):
        logger.info("notify has its health and metrics on %s", address)
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ended.done():
            ended.result()


@asynccontextmanager
async def notifying(settings: Settings) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """The role at work while the block runs: its address, and a task that ends only if it cannot go on."""
    receiver, ledger = Receiver(settings, wall_clock), Ledger(settings)
    deliveries = Deliveries(receiver, ledger, settings.alert_retry_hours * HOUR_MS, wall_clock)
    notifier = Notifier(settings, deliveries)
    socket = listen("notify", settings.notify_host, settings.notify_port)

    async def readiness() -> dict[str, bool]:
        return {"kafka": notifier.is_ready, "redis": await ledger.is_ready(), "receiver": not deliveries.is_gone}

    running = asyncio.create_task(notifier.run(), name="notifier")
    try:
        async with served(Starlette(routes=health_routes(readiness)), socket, drain_s=DRAIN_S):
            yield address_of(socket), running
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # its fault was told by whoever awaits it
            await running
        await receiver.close()
        await ledger.close()
