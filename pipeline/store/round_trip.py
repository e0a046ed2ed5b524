"""One pipelined round trip to Redis, within a time."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.client import Pipeline
from redis.exceptions import TimeoutError as RedisTimeoutError

#: A Redis that has not answered a whole pipeline by then is taken to be away; what was sent may have been done.
TIMEOUT_S = 10


async def round_trip(pipe: Pipeline, *, raise_on_error: bool = True) -> list[Any]:
    """The answers of a pipeline. Raises redis' TimeoutError and ConnectionError."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answers: list[Any] = await pipe.execute(raise_on_error=raise_on_error)
            return answers
    except TimeoutError as error:
        raise RedisTimeoutError(f"Redis has not answered within {TIMEOUT_S} s") from error
