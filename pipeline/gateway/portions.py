"""A delivery taken apart in portions: a small one at once, a large one in a thread, so that nobody else waits for it.

What a signed sender may cost is limited here: the large ones that are taken apart at a time, the items of one delivery,
and the bytes that are kept of it item by item.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pipeline.errors import UnavailableError, UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import check_number
from pipeline.sources.outcomes import Counted, Outcome
from pipeline.sources.source import Source

#: Up to here a body is read on the loop, where everybody waits for a portion of it: hostile ones take some 20 ms.
SMALL_BYTES = 32_768
#: Large ones at a time: taken apart, a body takes up to thirty times its bytes of memory.
MOST_LARGE = 4
#: How long a large one waits for its turn before its sender is to come again.
TURN_S = 1.0
#: Items of a portion, and bytes of items that are to be kept as rejected; whichever comes first.
PORTION_ITEMS = 1_000
PORTION_BYTES = 1_000_000
#: Kept item by item, what all items share (an id of a megabyte, headers) is kept as often as there are items.
KEPT_BYTES = 16_000_000

Found = TypeVar("Found")


class Turns:
    """Lets a few large deliveries through at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MOST_LARGE)

    @asynccontextmanager
    async def turn(self, delivery: Delivery) -> AsyncIterator[None]:
        """Held while a delivery is taken apart. Raises UnavailableError where its turn does not come soon."""
        if len(delivery.body) <= SMALL_BYTES:
            yield
            return
        try:
            async with asyncio.timeout(TURN_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise UnavailableError(f"{MOST_LARGE} large deliveries are being read; expected fewer") from error
        try:
            yield
        finally:
            self._free.release()


async def run(delivery: Delivery, function: Callable[..., Found], *arguments: Any) -> Found:
    """What the function gives for a delivery: of a large one it runs in a thread."""
    if len(delivery.body) <= SMALL_BYTES:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)


class Portions:
    """One delivery being taken apart: `parse` first, then `outcomes`. `beside_bytes` lie beside each item that is
    kept."""

    def __init__(self, source: Source, delivery: Delivery, beside_bytes: int = 0) -> None:
        self._source = source
        self._delivery = delivery
        self._beside_bytes = beside_bytes
        self._parsed: Any = None

    async def parse(self) -> list[str]:
        """The ids of which the directory must be asked. Raises UnreadableError."""
        self._parsed, references = await run(self._delivery, _parse, self._source, self._delivery)
        return references

    async def outcomes(self, context: Context) -> AsyncIterator[list[Outcome]]:
        """What becomes of the items, in portions. Raises UnreadableError where too much of it would have to be kept."""
        outcomes = self._source.outcomes(self._parsed, context)
        self._parsed, kept = None, 0
        limit = max(KEPT_BYTES, 4 * len(self._delivery.body))
        while True:
            portion, size, ended = await run(self._delivery, _next_portion, outcomes, self._beside_bytes)
            kept += size
            if kept > limit:
                raise UnreadableError("too_large_items", f"more than {limit} bytes if its items are kept one by one")
            if portion:
                yield portion
            if ended:
                return
            await asyncio.sleep(0)  # whoever takes them may not wait for anything


def _parse(source: Source, delivery: Delivery) -> tuple[Any, list[str]]:
    parsed = source.parse(delivery)
    if len(delivery.body) > SMALL_BYTES:
        check_number(sum(1 for _ in source.items(parsed)))
    return parsed, list(source.references(parsed))


def _next_portion(outcomes: Iterator[Outcome], beside_bytes: int) -> tuple[list[Outcome], int, bool]:
    """The next outcomes, the bytes of them that are to be kept, and whether these are the last."""
    portion: list[Outcome] = []
    size = 0
    for outcome in outcomes:
        portion.append(outcome)
        if not isinstance(outcome, Counted) and outcome.item is not None:
            size += len(outcome.item) + beside_bytes
        if len(portion) >= PORTION_ITEMS or size >= PORTION_BYTES:
            return portion, size, False
    return portion, size, True
