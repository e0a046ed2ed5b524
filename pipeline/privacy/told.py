"""What subscribers were told of actors: their records in `engagement.unanswered`, also of comments that Redis forgot.

A text goes from Redis after its lifetime, and may be lost there; the topic keeps what was told until its own retention.
It is read as a whole, a partition at a time, with no more in memory than what was found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from pipeline.scan import TopicScan
from schemas.unanswered import decode_unanswered, encode_unanswered

#: Comments that are in memory at a time, of some 400 bytes each.
FOUND_MOST = 10_000

#: Gets the records read and those there are.
Progress = Callable[[int, int], None]
OpenTopic = Callable[[], AbstractAsyncContextManager[TopicScan]]


@dataclass
class Found:
    """Comments by their key in the topic, as records without text and actor. `told`: the last word on it is theirs.
    `over`: of what was theirs the last word is a tombstone; who died behind it may have left one that waits untold."""

    told: dict[bytes, bytes] = field(default_factory=dict)
    over: dict[bytes, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.told) + len(self.over)

    def take(self, key: bytes, value: bytes | None, names: Collection[str]) -> None:
        """The topic's next record."""
        if value is None:
            if key in self.told:
                self.over[key] = self.told.pop(key)
            return
        self.told.pop(key, None)
        self.over.pop(key, None)
        try:
            one = decode_unanswered(value)
        except msgspec.DecodeError:  # of a later version
            return
        if one.actor is not None and f"{one.platform}:{one.actor}" in names:
            self.told[key] = encode_unanswered(replace(one, text=None, actor=None))


class Told:
    """Reads the topic, which `open_topic` opens for each reading."""

    def __init__(self, open_topic: OpenTopic, progress: Progress | None = None) -> None:
        self._open = open_topic
        self._progress = progress

    async def of(self, names: Collection[str]) -> AsyncGenerator[Found, None]:
        """What was told of these actors up to now, some at a time; where there is more than FOUND_MOST, perhaps also a
        comment on which somebody else's word comes later. Raises KafkaError, UnavailableError and TopicsError."""
        platforms = tuple({f"{name.partition(':')[0]}:".encode() for name in names})
        async with self._open() as topic:
            ends, begins = await topic.ends(), await topic.beginnings()
            total, read = sum(ends[partition] - begins[partition] for partition in ends), 0
            for partition, end in ends.items():
                begin = begins[partition]
                # Where retention deletes what is to be read next, the client goes on at the topic's end: read it anew.
                while begin < end:
                    found = Found()
                    async for records in _records(topic, partition, begin, end):
                        for record in records:
                            if record.key is not None and record.key.startswith(platforms):
                                found.take(record.key, record.value, names)
                        read += len(records)
                        if self._progress:
                            self._progress(read, max(total, read))
                        if len(found) > FOUND_MOST:
                            yield found
                            found = Found()
                    if found:
                        yield found
                    before, begin = begin, (await topic.beginnings())[partition]
                    if begin == before:
                        break


async def _records(topic: TopicScan, partition: int, begin: int, end: int) -> AsyncIterator[list[Any]]:
    """Batches of one partition, without those that were fetched of others."""
    topic.only([partition])
    topic.start_at({partition: begin})
    async for its, records in topic.batches_to({partition: end}):
        if its == partition:
            yield records
        # What is fetched already is handed on without waiting for anything, and in a worker others wait for the loop.
        await asyncio.sleep(0)
