"""The cursor in Redis: how far a stream is certain to be in Kafka. `tw:cursor:<platform>:<connection>`, a hash.

It is written only after Kafka has acknowledged everything up to it: a crash before that repeats frames, which changes
nothing; the other way round it would lose them.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis.exceptions import RedisError

from pipeline.access.redis import redis_away
from pipeline.errors import UnavailableError
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys

TIMEOUT_S = 1.0
DAY_S = 86_400


class Cursors:
    """The cursor of one connection. Raises UnavailableError while Redis does not answer."""

    def __init__(self, settings: Settings, platform: str, connection: str) -> None:
        self.key = Keys(settings.key_prefix).cursor(platform, connection)
        self._ttl_s = settings.directory_ttl_days * DAY_S
        self._redis = connect_redis(settings, timeout_s=TIMEOUT_S, connect_s=TIMEOUT_S, decode=True)

    async def load(self) -> dict[str, str]:
        """The fields; empty where nothing was ever saved."""
        try:
            found = await self._redis.hgetall(self.key)
        except (RedisError, OSError) as error:
            raise UnavailableError(redis_away(self._redis, error)) from error
        return {str(name): str(value) for name, value in found.items()}

    async def save(self, fields: Mapping[str, str]) -> None:
        """Put these fields in place of the old ones, together."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(self.key)
        pipe.hset(self.key, items=[part for pair in fields.items() for part in pair])
        pipe.expire(self.key, self._ttl_s)
        try:
            await pipe.execute()
        except (RedisError, OSError) as error:
            raise UnavailableError(redis_away(self._redis, error)) from error

    async def close(self) -> None:
        """Give the connection back."""
        await self._redis.aclose()
