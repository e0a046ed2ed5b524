"""The pulse: whether counting goes on, seen from outside, and the longest time that it did not."""

from __future__ import annotations

import asyncio
import time

from redis.exceptions import RedisError

from pipeline.proving.snapshot import SnapshotReader
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys

BEAT_S = 0.25
TIMEOUT_S = 1.0


class Pulse:
    """Reads how far all slots are, again and again. `counted`: the sum of their offsets; it grows with every slice."""

    def __init__(self, settings: Settings) -> None:
        self.counted = 0
        self.longest_s = 0.0
        self._settings = settings
        self._moved: float | None = None

    @property
    def still_s(self) -> float:
        """For how long nothing was counted now; 0 before the first was."""
        return 0.0 if self._moved is None else time.monotonic() - self._moved

    async def run(self) -> None:
        """Look until cancelled. A Redis that does not answer counts as standing still."""
        client = connect_redis(self._settings, timeout_s=TIMEOUT_S, connect_s=TIMEOUT_S, decode=True)
        reader = SnapshotReader(client, Keys(self._settings.key_prefix), self._settings.engaged_windows)
        try:
            while True:
                try:
                    await self._look(reader)
                except (RedisError, OSError):
                    await client.connection_pool.disconnect()
                if self._moved is not None:
                    self.longest_s = max(self.longest_s, self.still_s)
                await asyncio.sleep(BEAT_S)
        finally:
            await client.aclose()

    async def _look(self, reader: SnapshotReader) -> None:
        counted = sum(sum(slot.applied.values()) for slot in (await reader.reach()).values())
        if counted != self.counted:
            self.longest_s = max(self.longest_s, self.still_s)
            self.counted, self._moved = counted, time.monotonic()
