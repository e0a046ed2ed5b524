"""The one place where clients of Redis are made, for the worker, the gateway, the readers and the rest."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.access.redis import redis_security
from pipeline.access.redis_url import CLUSTER, is_cluster_url, named_servers
from pipeline.settings import Settings
from pipeline.store.cluster import PATIENCE_S, Cluster
from pipeline.store.pipelined import PipelinedRedis

CONNECT_S = 2.0
#: How long a node of a cluster may take for one answer, where the caller leaves that open: less than a whole round trip
#: may take, so that it is known which node failed.
NODE_S = 5.0


def connect_redis(
    settings: Settings,
    *,
    timeout_s: float | None,
    connect_s: float = CONNECT_S,
    decode: bool = False,
    retries: bool = False,
) -> Redis:
    """A client of the Redis that the settings name; it connects with the first command. `timeout_s`: for one answer.

    `retries`: a command whose answer was lost is sent again by redis-py: for readers only. Raises SettingsError."""
    url = settings.redis_url.reveal()
    options: dict[str, Any] = {
        "socket_connect_timeout": connect_s,
        "decode_responses": decode,
        **({} if retries else {"retry": Retry(NoBackoff(), 0)}),
        **redis_security(settings),
    }
    if is_cluster_url(url):
        timeout_s = NODE_S if timeout_s is None else timeout_s
        one_server, others = _seeds(url)
        found = Cluster.from_url(
            one_server,
            startup_nodes=others,
            socket_timeout=timeout_s,
            patience_s=min(PATIENCE_S, timeout_s),
            **options,
        )
        # What we use of the one the other has as well.
        return cast("Redis", found)
    # Without a time for each answer a whole pipeline has one (`round_trip`), and may be read as it comes.
    made = PipelinedRedis if timeout_s is None else Redis
    return made.from_url(url, socket_timeout=timeout_s, **options)


def _seeds(url: str) -> tuple[str, list[ClusterNode]]:
    """A URL of the first node, and the others: one that answers is enough to find them all."""
    scheme, _, rest = url.partition("://")
    parts = urlsplit(f"//{rest}")
    user, at, hosts = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    others = [ClusterNode(host, port) for host, port in named_servers(url)[1:]]
    return f"{scheme.removesuffix(CLUSTER)}://{user}{at}{hosts.partition(',')[0]}{query}", others
