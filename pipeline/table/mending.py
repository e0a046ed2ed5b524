"""What another attempt can mend: a server that is away, full or failing over, another writer; and when it is made."""

from __future__ import annotations

from aiokafka.errors import KafkaError
from redis import exceptions as redis_errors

from pipeline.errors import FencedError

#: From a first attempt to the next; it doubles, up to the greatest.
RETRY_S = 0.25
RETRY_MOST_S = 5.0

#: Redis is away, full, loading or failing over: it will answer later, and what was sent may or may not have arrived.
REDIS_AWAY = (
    redis_errors.ClusterDownError,
    redis_errors.ConnectionError,
    redis_errors.NoScriptError,
    redis_errors.OutOfMemoryError,
    redis_errors.ReadOnlyError,
    redis_errors.TimeoutError,
    redis_errors.TryAgainError,
)
#: What another attempt can mend.
MENDABLE = (FencedError, KafkaError, *REDIS_AWAY)
#: What Redis says, also inside a script's error, when it cannot write for now: somebody else's long script, disk,
#: memory, a replica, a missing replica.
CANNOT_WRITE = ("BUSY ", "MISCONF", "OOM command", "READONLY", "NOREPLICAS")


def is_mendable(error: Exception) -> bool:
    """Whether another attempt can mend it: a server away, full or failing over, another writer; not a fault of ours."""
    if isinstance(error, redis_errors.ResponseError) and any(word in str(error) for word in CANNOT_WRITE):
        return True
    return isinstance(error, MENDABLE)
