"""Whether others have taken over what a frozen worker had: they count records that came once it stood still, which it
cannot have seen."""

from __future__ import annotations

import re
from collections.abc import Iterable

import httpx
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from pipeline.faults.provoking import write_refused
from pipeline.faults.reach import farthest, reaches_now
from pipeline.local.role import Role
from pipeline.settings import Settings

ANSWER_S = 2.0
_LAG = re.compile(r'^twoway_lag_records\{partition="(\d+)"\}', re.MULTILINE)


async def partitions_of(worker: Role) -> frozenset[int]:
    """The partitions that a worker has now, as its metrics say; none where it does not answer."""
    try:
        async with httpx.AsyncClient(timeout=ANSWER_S) as client:
            answer = await client.get(f"{worker.url}/metrics")
    except httpx.HTTPError:
        return frozenset()
    return frozenset(map(int, _LAG.findall(answer.text)))


class Takeover:
    """Of these partitions, from the first look on. Made while their worker stands still."""

    def __init__(self, settings: Settings, partitions: Iterable[int]) -> None:
        self._settings = settings
        self._partitions = frozenset(partitions)
        #: Of each partition the offset of a record that came meanwhile.
        self._came: dict[int, int] = {}

    async def is_seen(self) -> bool:
        """Whether somebody has counted past the record in each of them; not where a server is away now."""
        try:
            self._came = self._came or await write_refused(self._settings)
            reached = farthest(await reaches_now(self._settings))
        except (KafkaError, RedisError, OSError):
            return False
        return all(reached.get(partition, 0) > self._came[partition] for partition in self._partitions)
