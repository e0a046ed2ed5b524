"""The open connections by what the other end owes: those that take too long, or are too many, are closed.

Whoever waits longest gives way to who comes new, and whoever has shown a signature or a token on his connection after
all others: a storm of strangers would otherwise cut off those whose next request is on its way.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Protocol

#: Heads of the largest size in all of them are 270 MB.
MOST_CONNECTIONS = 8_192
#: Files besides the connections: Kafka, Redis, servers with public keys, the program itself.
SPARE_FILES = 256
SWEEP_S = 1.0


class Phase(Enum):
    """What a connection waits for its sender to do, and for how many seconds; `ANSWER` is the server's own turn."""

    #: Some load balancers connect before they have something to send, and keep connections for the next request.
    REQUEST = 75.0
    #: From its first byte to its last. Real heads come in one piece.
    HEAD = 10.0
    #: Of a body that nobody reads, such as one to an unknown connection. Deliveries have a shorter time.
    BODY = 30.0
    #: The next request of a known sender. The server itself closes what is silent for 75 s.
    NEXT = 80.0
    #: Take what waits for him, or `TAKEN_BYTES` of it.
    TAKE = 60.0
    ANSWER = 0.0


#: In this order they give way.
_GIVING_WAY = (Phase.HEAD, Phase.REQUEST, Phase.BODY, Phase.NEXT, Phase.TAKE)
#: An answer of 1 MB has the whole time; one of 10 MB has ten times as much, and is not kept waiting by a byte a minute.
TAKEN_BYTES = 1_000_000
#: Under this name a request's scope holds the sender.
SENDER = "twoway.sender"


class Sender:
    """Who is at the other end of a connection: known once a signature or a token of his was right. `hang_up` lets go of
    the connection with what he was not sent yet: to close it would wait until he has taken that."""

    __slots__ = ("hang_up", "is_known")

    def __init__(self, hang_up: Callable[[], None]) -> None:
        self.is_known = False
        self.hang_up = hang_up


class Held(Protocol):
    """A connection as it is seen from here."""

    def give_way(self) -> None:
        """Close at once."""

    def time_out(self, phase: Phase) -> bool:
        """Close because the sender took too long; False where he has done enough to be given the time once more."""


class Waiting:
    """The connections of one server, by phase, the longest in it first. `closed` is told why each was closed from here:
    a short fixed word, or a status."""

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, closed: Callable[[str], None] = lambda _: None
    ) -> None:
        self.most = most
        self.closed = closed
        self._clock = clock
        self._since: dict[Phase, OrderedDict[Held, float]] = {phase: OrderedDict() for phase in Phase}
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._since.values()))

    def enter(self, connection: Held) -> None:
        """A new connection. Where there are too many, who waits longest is closed; it itself where nobody waits."""
        if len(self) >= self.most:
            self.closed("too_many")
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
                if connection.time_out(phase):
                    self.closed(f"slow_{phase.name.lower()}")
                else:
                    since[connection] = now_s
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
