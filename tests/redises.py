"""Clients of the Redis that a test's settings name, be it one server or a cluster."""

from __future__ import annotations

from typing import Any

import redis
from redis.asyncio import Redis

from pipeline.access.redis_url import CLUSTER, is_cluster_url
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis


def open_redis(settings: Settings, *, decode: bool = False) -> Redis:
    """An asyncio client."""
    return connect_redis(settings, timeout_s=30, decode=decode)


def open_blocking(settings: Settings, *, decode: bool = False) -> Any:
    """A client for tests without a loop, to be closed by `with`."""
    url = settings.redis_url.reveal()
    if not is_cluster_url(url):
        return redis.Redis.from_url(url, decode_responses=decode)
    first = url.replace(CLUSTER, "").partition(",")[0]
    return redis.RedisCluster.from_url(first, decode_responses=decode)
