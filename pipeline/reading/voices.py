"""Who was engaged and what was said, as it stands in Redis: HyperLogLogs of actors and the kept texts of comments.

Every command is on keys of one slot. The sets of many posts are united one kind after the other, so that other clients
of Redis are served in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.errors import StateError
from pipeline.insights.facts import Said
from pipeline.reading.lookups import PIPELINE_COMMANDS, redis_answers
from pipeline.store.keys import Keys
from pipeline.store.texts import DAY_MS, day_of, decode_text
from pipeline.windows import ALL_NAME, SIZES_MAX, Windows

#: Comments that one question reads: about 6 MB and a second and a half of their words.
COMMENTS_MOST = 20_000
#: Days of comments that are read, and of days whose actors are united; today is one of them.
COMMENTS_DAYS = 30
ENGAGED_DAYS = (1, 7, 30)
_SCAN_FIELDS = 1_000


class Voices:
    """Reads the actors and the comments of one account after the other. Raises what Lookups raises."""

    def __init__(self, redis: Any, keys: Keys, engaged_windows: Windows) -> None:
        self._redis = redis
        self._keys = keys
        self._windows = engaged_windows

    async def engaged(self, platform: str, account: str, now_ms: int) -> dict[str, int]:
        """Distinct actors of all time (`all`) and of the last days up to now (`1d`, `7d`, `30d`), estimated.

        Only of days that are counted and kept: TWOWAY_ENGAGED_WINDOWS.
        """
        slot = self._keys.slot(platform, account)
        unions = {ALL_NAME: [ALL_NAME]}
        for number, size in enumerate(self._windows.sizes):
            if size.length_ms == DAY_MS:
                last = now_ms // DAY_MS
                for days in ENGAGED_DAYS:
                    if days * DAY_MS <= size.kept_ms:
                        codes = [(last - back) * SIZES_MAX + number for back in range(days)]
                        unions[f"{days}d"] = [self._windows.field(code) for code in codes]
        return {
            name: await self._distinct([self._keys.engaged(slot, platform, account, field) for field in fields])
            for name, fields in unions.items()
        }

    async def engaged_with(self, platform: str, account: str, posts: Sequence[str]) -> int:
        """Distinct actors of all these posts of the account together."""
        slot = self._keys.slot(platform, account)
        return await self._distinct([self._keys.engaged_post(slot, platform, post) for post in posts])

    async def engaged_each(self, platform: str, account: str, posts: Sequence[str]) -> list[int]:
        """Distinct actors of each of these posts of the account."""
        slot, counts = self._keys.slot(platform, account), []
        for start in range(0, len(posts), PIPELINE_COMMANDS):
            pipeline = self._redis.pipeline(transaction=False)
            for post in posts[start : start + PIPELINE_COMMANDS]:
                pipeline.pfcount(self._keys.engaged_post(slot, platform, post))
            with redis_answers(self._redis):
                counts += await pipeline.execute()
        return counts

    async def comments(self, platform: str, account: str, now_ms: int) -> tuple[list[Said], bool]:
        """The kept texts of the last COMMENTS_DAYS days, newest day first, and whether those are all."""
        slot = self._keys.slot(platform, account)
        found: list[Said] = []
        for back in range(COMMENTS_DAYS):
            key = self._keys.texts(slot, platform, account, day_of(now_ms - back * DAY_MS))
            seen: set[str] = set()  # a walk may meet a field twice while the hash grows
            with redis_answers(self._redis):
                async for field, value in self._redis.hscan_iter(key, count=_SCAN_FIELDS):
                    if len(found) == COMMENTS_MOST:
                        return found, False
                    said = None if field in seen else _said(value, key)
                    seen.add(field)
                    if said is not None:
                        found.append(said)
        return found, True

    async def _distinct(self, keys: Sequence[str]) -> int:
        with redis_answers(self._redis):
            return int(await self._redis.pfcount(*keys)) if keys else 0


def _said(value: str, key: str) -> Said | None:
    """The comment that a field holds; None where it has no text."""
    try:
        comment = decode_text(value.encode())
    except msgspec.DecodeError as error:
        raise StateError(f"a text in {key} cannot be read; expected what docs/redis.md describes") from error
    return None if comment.text is None else Said(comment.post, comment.actor, comment.text)
