"""The writer of one partition's slots: the marks that it believes in, and one atomic script a slot that compares each
with the one in force. Where they differ another writer was there (or Redis is another one): FencedError.

One slice is on its way while the next one is folded. Whoever else writes holds the lock and waits for it first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from redis.asyncio import Redis

from pipeline import metrics
from pipeline.clock import Clock
from pipeline.errors import FencedError
from pipeline.settings import Settings
from pipeline.store.checkpoint import Mark, check_marks, read_marks
from pipeline.store.keys import Keys
from pipeline.store.script import Call, Script, SlotChange


class Writer:
    """Writes to Redis what one partition counts and publishes, in order."""

    def __init__(
        self, settings: Settings, redis: Redis, keys: Keys, partition: int, partitions: int, clock: Clock
    ) -> None:
        self.redis = redis
        self.keys = keys
        self.partition = partition
        self.partitions = partitions
        self.clock = clock
        self.script = Script(redis, keys, settings)
        self.marks: dict[int, Mark] = {}
        #: Held by whoever takes a batch, or looks at what is in memory to publish it.
        self.lock = asyncio.Lock()
        self._pending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the marks and claim the slots. Raises StateError for a layout or windows that are not ours."""
        self.marks = await read_marks(self.redis, self.keys, self.script.retention, self.partition, self.partitions)
        await self._claim()

    async def _claim(self) -> None:
        """A version of our own, in every slot in which something was counted: whoever wrote there before is fenced. And
        what we tell before we count beats what was told in a life of Redis that is lost, of which this one knows
        nothing."""
        await self.run([self.advance(slot, 0, None) for slot, mark in self.marks.items() if mark.version])

    @property
    def applied_to(self) -> int:
        """The smallest applied offset of the slots."""
        return min(mark.offset for mark in self.marks.values())

    @property
    def applied_most(self) -> int:
        """The greatest applied offset of the slots."""
        return max(mark.offset for mark in self.marks.values())

    def advance(
        self, slot: int, next_offset: int, change: SlotChange | None, published_to: int = 0, told_ms: int = 0
    ) -> Call:
        """The call that writes a change and moves the slot's mark on; from now on the new mark is believed in."""
        believed = self.marks[slot]
        following = Mark(
            max(next_offset, believed.offset),
            max(believed.version + 1, self.clock()),
            published=max(published_to, believed.published),
            watermark_ms=told_ms or believed.watermark_ms,
        )
        self.marks[slot] = following
        return Call(slot, believed, following, change)

    async def run(self, calls: list[Call]) -> None:
        """Make these calls. Raises FencedError."""
        answers: list[Any] = await self.script.run(self.partition, calls)
        for call, answer in zip(calls, answers, strict=True):
            if answer != 1:
                metrics.FENCES.inc()
                raise FencedError(f"slot {call.slot} of partition {self.partition} {call.why_fenced(answer)}")

    async def check(self) -> None:
        """Where nothing is to be written: raises FencedError if the marks in force are not ours."""
        retention = self.script.retention
        await check_marks(self.redis, self.keys, retention, self.partition, self.partitions, self.marks)

    def send(self, applying: Coroutine[Any, Any, None]) -> None:
        """Let a slice go its way; the one before it is settled."""
        self._pending = asyncio.create_task(applying)
        # A table that is given up meanwhile settles no more, and its error, which nobody saw, would end the worker when
        # the collector comes. Whoever goes on begins where Redis is, and comes to the same error if it is one of ours.
        self._pending.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def settle(self) -> None:
        """Wait for the slice on its way; raises what became of it, to everybody who asks: what is in memory from then
        on is not in Redis, and must not be published by who waited for the lock meanwhile."""
        if self._pending is not None:
            await self._pending
            self._pending = None

    @property
    def has_failed(self) -> bool:
        """Whether the slice that was on its way did not arrive: the table is to be recovered."""
        return self._pending is not None and self._pending.done() and self._pending.exception() is not None

    async def close(self) -> None:
        """Let a slice on its way arrive or fail."""
        if self._pending is not None:
            await asyncio.wait([self._pending])
