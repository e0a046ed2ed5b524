"""What was delivered: a key a delivered alert in Redis, so that a restart delivers none twice."""

from __future__ import annotations

from redis.exceptions import RedisError

from pipeline.access.redis import redis_away
from pipeline.errors import UnavailableError
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys

TIMEOUT_S = 2.0
#: As long as the longest time for which an alert may be retried: one that is older is not delivered any more.
TOLD_S = 30 * 86_400


class Ledger:
    """Raises UnavailableError while Redis does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.key_prefix)
        self._redis = connect_redis(settings, timeout_s=TIMEOUT_S)

    async def is_told(self, alert_id: str) -> bool:
        """Whether it was delivered."""
        try:
            return bool(await self._redis.exists(self._keys.told(alert_id)))
        except (RedisError, OSError) as error:
            raise UnavailableError(redis_away(self._redis, error)) from error

    async def note(self, alert_id: str) -> None:
        """It is delivered."""
        try:
            await self._redis.set(self._keys.told(alert_id), "", ex=TOLD_S)
        except (RedisError, OSError) as error:
            raise UnavailableError(redis_away(self._redis, error)) from error

    async def is_ready(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()
