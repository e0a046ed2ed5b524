"""The open connections by what their senders owe: those that take too long, or are too many, are closed.

Whoever waits longest gives way to who comes new, and whoever has shown a signature on his connection after all others:
a storm of strangers would otherwise cut off those whose next delivery is on its way.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from pipeline.gateway import metrics

#: Heads of the largest size in all of them are 270 MB.
MOST_CONNECTIONS = 8_192
#: Files besides the connections: Kafka, Redis, servers with public keys, the program itself.
SPARE_FILES = 256
SWEEP_S = 1.0


class Phase(Enum):
    """What a connection waits for its sender to send, and for how many seconds; `ANSWER` is the gateway's own turn."""

    #: Some load balancers connect before they have something to send, and keep connections for the next request.
    REQUEST = 75.0
    #: From its first byte to its last. Real heads come in one piece.
    HEAD = 10.0
    #: Of a body that nobody reads, such as one to an unknown connection. Deliveries have a shorter time.
    BODY = 30.0
    #: The next request of a known sender. The server itself closes what is silent for 75 s.
    NEXT = 80.0
    ANSWER = 0.0


#: In this order they give way.
_GIVING_WAY = (Phase.HEAD, Phase.REQUEST, Phase.BODY, Phase.NEXT)
#: Under this name a request's scope holds the sender.
SENDER = "twoway.sender"


class Sender:
    """Who is at the other end of a connection: known once a delivery of his was taken."""

    __slots__ = ("is_known",)

    def __init__(self) -> None:
        self.is_known = False


class Held(Protocol):
    """A connection as it is seen from here."""

    def give_way(self) -> None:
        """Close at once."""

    def time_out(self, phase: Phase) -> None:
        """Close because the sender took too long."""


class Waiting:
    """The connections of one gateway, by phase, the longest in it first."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._since: dict[Phase, OrderedDict[Held, float]] = {phase: OrderedDict() for phase in Phase}
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._since.values()))

    def enter(self, connection: Held) -> None:
        """A new connection. Where there are too many, who waits longest is closed; it itself where nobody waits."""
        if len(self) >= self.most:
            metrics.SOCKETS_CLOSED.labels("too_many").inc()
            since = next((self._since[phase] for phase in _GIVING_WAY if self._since[phase]), None)
            if since is None:
                connection.give_way()
                return
            longest, _ = since.popitem(last=False)
            longest.give_way()
        self._since[Phase.REQUEST][connection] = self._clock()
        self._look_again()

    def move(self, connection: Held, before: Phase, now: Phase) -> None:
        """From now on the connection waits for something else; one that was left stays so."""
        if self._since[before].pop(connection, None) is not None:
            self._since[now][connection] = self._clock()

    def leave(self, connection: Held, phase: Phase) -> None:
        """The connection is closed."""
        self._since[phase].pop(connection, None)

    def sweep(self) -> None:
        """Close those whose time is over; done every second while there are connections."""
        now_s = self._clock()
        for phase in _GIVING_WAY:
            since = self._since[phase]
            while since and now_s - next(iter(since.values())) > phase.value:
                connection, _ = since.popitem(last=False)
                metrics.SOCKETS_CLOSED.labels(f"slow_{phase.name.lower()}").inc()
                connection.time_out(phase)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        if len(self):
            self._look_again()

    def _look_again(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self.sweep)


def most_connections() -> int:
    """How many connections this process may hold open; the limit of open files is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, soft - SPARE_FILES))
