"""The one place where clients of Redis are made, for the worker, the gateway, the readers and the rest."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.access.redis import redis_security
from pipeline.settings import Settings

CONNECT_S = 2.0


def connect_redis(
    settings: Settings,
    *,
    timeout_s: float | None,
    connect_s: float = CONNECT_S,
    decode: bool = False,
    retries: bool = False,
) -> Redis:
    """A client of the Redis that the settings name; it connects with the first command. `timeout_s`: for one answer.

    `retries`: a command whose answer was lost is sent again by redis-py: for readers only."""
    options: dict[str, Any] = {} if retries else {"retry": Retry(NoBackoff(), 0)}
    return Redis.from_url(
        settings.redis_url.reveal(),
        socket_timeout=timeout_s,
        socket_connect_timeout=connect_s,
        decode_responses=decode,
        **redis_security(settings),
        **options,
    )
