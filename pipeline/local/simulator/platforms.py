"""The simulated platforms as senders: what happens in a world, told to a gateway as time passes."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from random import Random

from pipeline.clock import Clock
from pipeline.local.simulator.deliveries import deliveries
from pipeline.local.simulator.polls import CONNECTION, Poller
from pipeline.local.simulator.sender import Sender
from pipeline.local.simulator.world import World

STEP_S = 0.25
#: What the platforms kept while nobody took it: it arrives first, late, and fills the minutes before the start.
BACKLOG_MS = 20 * 60_000
BACKLOG_STEP_MS = 30_000
BACKLOG_RATE = 4.0
#: How often the brands' own program asks for totals.
POLL_MS = 5_000


class Platforms:
    """A world from a seed, and the platforms that tell of it. `connections_file` holds their secrets."""

    def __init__(self, seed: int, connections_file: Path, clock: Clock) -> None:
        self.world = World(seed)
        self._clock = clock
        self._random = Random(seed)
        self._secrets = read_secrets(connections_file)
        self._poller = Poller(self.world, self._secrets[CONNECTION], self._random)

    async def run(self, sender: Sender, rate: float) -> None:
        """Tell of about so many interactions a second, until cancelled."""
        until_ms = self._clock()
        for from_ms in range(until_ms - BACKLOG_MS, until_ms, BACKLOG_STEP_MS):
            self._let_happen(sender, from_ms, from_ms + BACKLOG_STEP_MS, BACKLOG_RATE)
            await asyncio.sleep(0)
        polled_ms = 0
        while True:
            if until_ms - polled_ms >= POLL_MS:
                self.poll(sender)
                polled_ms = until_ms
            await asyncio.sleep(STEP_S)
            now_ms = self._clock()
            self._let_happen(sender, until_ms, now_ms, rate)
            until_ms = now_ms

    def poll(self, sender: Sender) -> None:
        """Let the brands' own program ask for totals."""
        for delivery in self._poller.poll(self._clock()):
            sender.post(delivery)

    def _let_happen(self, sender: Sender, from_ms: int, until_ms: int, rate: float) -> None:
        happenings = self.world.pass_time(from_ms, until_ms, rate)
        self._poller.notice(happenings)
        for delivery in deliveries(happenings, self._secrets, until_ms, self._random):
            sender.post(delivery)


def read_secrets(connections_file: Path) -> dict[str, str]:
    """The newest secret of each connection, by name."""
    connections = tomllib.loads(connections_file.read_text(encoding="utf-8"))["connections"]
    return {name: connection["secrets"][0] for name, connection in connections.items()}
