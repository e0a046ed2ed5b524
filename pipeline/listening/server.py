"""A listener as a role: health and metrics over HTTP, one stream, the gateway's way into Kafka. Until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette

from pipeline.clock import Clock, wall_clock
from pipeline.errors import SettingsError, UnavailableError
from pipeline.gateway.budget import Budget
from pipeline.gateway.connections import Connections
from pipeline.gateway.directory import Directory
from pipeline.gateway.intake import WRITTEN, Intake
from pipeline.gateway.outside import Outside
from pipeline.gateway.producer import producer_opener
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.gateway.public_keys import PublicKeys
from pipeline.gateway.publisher import Publisher
from pipeline.health import health_routes
from pipeline.listening.bluesky import BlueskyListener
from pipeline.listening.cursors import Cursors
from pipeline.listening.handover import Handover
from pipeline.listening.mastodon import MastodonListener
from pipeline.serving import address_of, listen, served, stop_signal
from pipeline.settings import Settings
from pipeline.sources.delivery import Connection

logger = logging.getLogger("twoway.listener")

DRAIN_S = 5


class Listener(Protocol):
    """What listens, on whatever platform."""

    is_connected: bool

    async def run(self) -> None: ...
    async def save(self) -> None: ...


#: (connection as it is in force, address from the command line, cursor, way into Kafka, clock) -> listener.
Maker = Callable[[Callable[[], Connection], str, Cursors, Handover, Clock], Listener]
#: Adding a platform: its file in this folder, and its line here.
LISTENERS: dict[str, Maker] = {"bluesky": BlueskyListener, "mastodon": MastodonListener}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be listened to. `connection` empty: the only one of the platform; `url` empty: the connection's."""

    platform: str
    connection: str = ""
    url: str = ""


async def run_listener(settings: Settings, wanted: Wanted) -> None:
    """Listen until SIGTERM or SIGINT. Raises SettingsError when it may not start, and whatever breaks it for good."""
    async with stop_signal() as stopped, listening(settings, wanted) as (address, ended):
        logger.info("listener of %s has its health and metrics on %s", wanted.platform, address)
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ended.done():
            ended.result()


@asynccontextmanager
async def listening(settings: Settings, wanted: Wanted) -> AsyncIterator[tuple[str, asyncio.Future[Any]]]:
    """The listener at work while the block runs: its address, and a future that ends only if it cannot go on.

    At the end what is under way is given up (it comes again) and the cursor is saved as far as Kafka has everything.
    """
    pseudonym = keyed_pseudonym(settings.actor_key)
    connections = Connections(Path(settings.connections_file))
    name = choose(connections, wanted)
    topics = tuple(settings.topic(topic.name) for topic in WRITTEN)
    publisher = Publisher(producer_opener(settings), topics, settings.produce_timeout_ms / 1000, Budget())
    directory, cursors = Directory(settings), Cursors(settings, wanted.platform, name)
    keys = PublicKeys(Outside(settings.key_fetch_local), wall_clock)  # the intake's; nothing here is signed
    intake = Intake(settings, publisher, directory, pseudonym, keys, wall_clock)
    handover = Handover(wanted.platform, intake, directory, wall_clock)
    in_force = _follow(connections, name, wanted.platform)
    listener = LISTENERS[wanted.platform](in_force, wanted.url, cursors, handover, wall_clock)
    socket = listen("listener", settings.listener_host, settings.listener_port)

    async def readiness() -> dict[str, bool]:
        return {"kafka": publisher.is_ready, "redis": await directory.is_ready(), "stream": listener.is_connected}

    ended = asyncio.gather(publisher.start(), connections.watch(), listener.run())
    try:
        async with served(Starlette(routes=health_routes(readiness)), socket, drain_s=DRAIN_S):
            yield address_of(socket), ended
    finally:
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # its fault was told by whoever awaits it
            await ended
        with contextlib.suppress(UnavailableError):  # a restart goes on from what was saved before
            await listener.save()
        await publisher.close()
        for client in (keys, directory, cursors):
            await client.close()


def choose(connections: Connections, wanted: Wanted) -> str:
    """The name of the connection to listen to. Raises SettingsError where there is none, or more than one."""
    names = connections.of_platform(wanted.platform)
    if wanted.connection in names:
        return wanted.connection
    where, page = f"TWOWAY_CONNECTIONS_FILE, {str(connections.path)!r}", f"docs/platforms/{wanted.platform}.md"
    if not names:
        raise SettingsError(
            f"{where}, has no connection of {wanted.platform}; expected a table such as "
            f'[connections.{wanted.platform}] with platform = "{wanted.platform}" ({page})'
        )
    if wanted.connection:
        raise SettingsError(
            f"--connection is {wanted.connection[:100]!r}, none of {wanted.platform} in {where}; "
            f"expected one of: {', '.join(names)}"
        )
    if len(names) > 1:
        raise SettingsError(
            f"{where}, has {len(names)} connections of {wanted.platform}; expected one of them in --connection: "
            f"{', '.join(names)} (docs/listening.md)"
        )
    return names[0]


def _follow(connections: Connections, name: str, platform: str) -> Callable[[], Connection]:
    """The connection as it is in force; one that was removed from the file stays as it was."""
    last: list[Connection] = []

    def in_force() -> Connection:
        found = connections.get(name)
        if found is not None and found.platform == platform:
            last[:] = [found]
        return last[0]

    return in_force
