"""The directory of all accounts, read with SCAN in bounded steps.

SCAN walks the whole keyspace, so one step looks at STEP_KEYS keys at the most and the next goes on where it stopped;
a walk that reached the end is good for FRESH_MS. A reader that lives on (the API) so knows every account after a few
questions, and no question keeps Redis busy for long: other clients are served between two rounds of a step.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from pipeline.clock import Clock
from pipeline.reading.lookups import redis_answers
from pipeline.store.keys import Keys, decode_id
from pipeline.store.walk import Walk

#: Keys that one SCAN round looks at: about a millisecond of Redis.
ROUND_KEYS = 2_000
#: Keys that one step looks at: about a tenth of a second of Redis, in pieces.
STEP_KEYS = 200_000
#: A new account is seen this long after its first event at the latest, once a walk takes one step.
FRESH_MS = 2_000
#: Accounts kept in memory: about 20 MB. More are left out, and the directory says that it is not complete.
ACCOUNTS_MAX = 100_000


@dataclass(frozen=True, order=True)
class AccountRef:
    """An account's platform and id."""

    platform: str
    id: str


class Directory:
    """All accounts of an installation, as far as they were walked."""

    def __init__(self, redis: Any, keys: Keys, clock: Clock) -> None:
        self._redis = redis
        self._prefix = f"{keys.prefix}:account:"
        self._pattern = re.sub(r"([\\*?\[\]^-])", r"\\\1", self._prefix) + "*"
        self._clock = clock
        self._walk = Walk(redis, self._pattern)
        self._walked_ms = 0
        self._known: set[AccountRef] = set()
        self._found: set[AccountRef] = set()
        self._walking = asyncio.Lock()

    @property
    def complete(self) -> bool:
        """Whether a walk has reached the end and nothing was left out."""
        return self._walked_ms > 0 and len(self._known) < ACCOUNTS_MAX

    async def accounts(self) -> list[AccountRef]:
        """The accounts known by now, in order, after one bounded step of the walk where the last is not fresh.

        Raises UnavailableError while Redis does not answer."""
        async with self._walking:
            if self._clock() - self._walked_ms >= FRESH_MS:
                with redis_answers(self._redis):
                    await self._step()
        return sorted(self._known)

    async def _step(self) -> None:
        for _ in range(STEP_KEYS // ROUND_KEYS):
            keys, is_end = await self._walk.round(ROUND_KEYS)
            self._found.update(ref for key in keys if (ref := self._ref(key)) is not None)
            if is_end:
                self._known, self._found = set(sorted(self._found)[:ACCOUNTS_MAX]), set()
                self._walked_ms = self._clock()
                return
        if len(self._known) < ACCOUNTS_MAX:
            self._known |= self._found

    def _ref(self, key: str) -> AccountRef | None:
        platform, colon, encoded = key.removeprefix(self._prefix).partition(":")
        return AccountRef(platform, decode_id(encoded)) if colon else None
