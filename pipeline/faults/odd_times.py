"""Events of times that nobody expects, as a program of the brand's tells them: the first second there is, a leap
second, the hour that comes twice; and of next year, which has not happened yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from redis.exceptions import RedisError

from pipeline.clock import Clock
from pipeline.errors import UnavailableError
from pipeline.faults.schedule import Fault
from pipeline.faults.waiting import wait_for
from pipeline.local.simulator.deliveries import Delivery
from pipeline.local.simulator.neutral import headers
from pipeline.local.simulator.polls import CONNECTION
from pipeline.scan import open_scan
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.sources.times import from_iso
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys
from schemas.rejected import decode_rejected
from schemas.topics import REJECTED

PLATFORM, ACCOUNT = "clocks", "odd"
#: The same local time twice is two hours, and the leap second belongs to the minute after it.
ODD = (
    "1970-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2025-10-26T02:30:00+02:00",
    "2025-10-26T02:30:00+01:00",
)
NEXT_YEAR = timedelta(days=366)
#: Servers may be away meanwhile, and Redis may be counted anew.
SEEN_S = 240.0
ANSWER_S = 10.0
ONE_LIKE = "1,0,0,0,0"


class OddTimes:
    """Sends one like of each time, to a post of its own each. `post`: sends; `secret`: of the connection `own`."""

    def __init__(
        self,
        settings: Settings,
        post: Callable[[Delivery], None],
        secret: str,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._post = post
        self._secret = secret
        self._clock = clock
        self._say = say

    async def send(self, fault: Fault) -> bool:
        """Fired: each of them stands in its own minute, and the one of next year in `interactions.rejected`."""
        name, now_ms = f"odd-{fault.at_s:g}", self._clock()
        ahead = (datetime.fromtimestamp(now_ms / 1000, UTC) + NEXT_YEAR).isoformat(timespec="milliseconds")
        self._say(f"likes of 1970, of a leap second, of the hour that comes twice and of {ahead[:4]} arrive")
        for number, time in enumerate((*ODD, ahead)):
            self._post(self._delivery(name, number, time, now_ms))

        async def seen() -> bool:
            try:
                return await self._are_counted(name) and await self._is_refused(f"{name}-{len(ODD)}")
            except (RedisError, OSError, UnavailableError):
                return False

        return bool(await wait_for(seen, SEEN_S))

    def _delivery(self, name: str, number: int, time: str, now_ms: int) -> Delivery:
        about = {"platform": PLATFORM, "account": ACCOUNT, "post": f"{name}-{number}", "actor": "somebody"}
        envelope = {"type": "interaction.like.added", "timestamp": time, "data": about}
        content = json.dumps(envelope, separators=(",", ":")).encode()
        return Delivery(CONNECTION, content, headers(content, self._secret, f"{name}-{number}", now_ms), now_ms)

    async def _are_counted(self, name: str) -> bool:
        windows, keys, slot = self._settings.windows, Keys(self._settings.key_prefix), slot_of(PLATFORM, ACCOUNT)
        client = connect_redis(self._settings, timeout_s=ANSWER_S, decode=True)
        try:
            pages = [await client.hgetall(keys.post(slot, PLATFORM, f"{name}-{i}")) for i in range(len(ODD))]
        finally:
            await client.aclose()
        minutes = [windows.field(windows.codes(from_iso(time) or 0)[0]) for time in ODD]
        return all(page.get(minute) == ONE_LIKE for page, minute in zip(pages, minutes, strict=True))

    async def _is_refused(self, post: str) -> bool:
        async with open_scan(self._settings, REJECTED.name) as scan:
            scan.start_at(await scan.beginnings())
            async for records in scan.read_to(await scan.ends()):
                for record in records:
                    kept = decode_rejected(record.value)
                    if kept.reason == "time_in_future" and post.encode() in kept.bytes:
                        return True
        return False
