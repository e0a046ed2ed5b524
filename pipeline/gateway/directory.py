"""The gateway's memory in Redis: id -> account, post, kind, actor. For deliveries that carry nothing but an id.

Entries hold pseudonyms only and live for `directory_ttl_days`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pipeline.errors import UnavailableError
from pipeline.gateway import metrics
from pipeline.settings import Settings
from pipeline.sources.outcomes import Known, decode_known, encode_known
from pipeline.store.keys import Keys

#: With the wait for Kafka this keeps every answer within two seconds.
TIMEOUT_S = 0.4
DAY_S = 86_400


class Directory:
    """What ids are known to be. Raises UnavailableError while Redis does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.key_prefix)
        self._ttl_s = settings.directory_ttl_days * DAY_S
        self._redis = redis.asyncio.from_url(
            settings.redis_url.reveal(),
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    async def look_up(self, platform: str, ids: Iterable[str]) -> dict[str, Known]:
        """What is known of the ids, in one round trip. GETs in a pipeline: the keys may lie on several nodes."""
        wanted = list(ids)
        if not wanted:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        for object_id in wanted:
            pipe.get(self._keys.seen(platform, object_id))
        found = await self._execute(pipe)
        known = {object_id: decode_known(raw) for object_id, raw in zip(wanted, found, strict=True) if raw is not None}
        metrics.LOOKUPS.labels("yes").inc(len(known))
        metrics.LOOKUPS.labels("no").inc(len(wanted) - len(known))
        return known

    async def remember(self, platform: str, memories: Mapping[str, Known]) -> None:
        """Keep what the ids are, in one round trip."""
        pipe = self._redis.pipeline(transaction=False)
        for object_id, known in memories.items():
            pipe.set(self._keys.seen(platform, object_id), encode_known(known), ex=self._ttl_s)
        await self._execute(pipe)
        metrics.MEMORIES.inc(len(memories))

    async def is_ready(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    @staticmethod
    async def _execute(pipe: redis.asyncio.client.Pipeline) -> list[bytes | None]:
        try:
            answer: list[bytes | None] = await pipe.execute()
        except (RedisError, OSError) as error:
            metrics.DIRECTORY_FAILURES.inc()
            raise UnavailableError(f"Redis does not answer ({type(error).__name__})") from error
        return answer
