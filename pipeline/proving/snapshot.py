"""Reads slots out of Redis for the proof: the pages of a slot and how far it is, at one moment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.proving.oracle import PageName
from pipeline.slots import SLOTS
from pipeline.store.keys import Keys, reference, split_reference

SCAN_COUNT = 2_000
#: Characters that mean something in a SCAN pattern.
_GLOB = re.compile(r"([*?\[\]\\^])")


@dataclass(frozen=True)
class Snapshot:
    """One slot at one moment. `applied`: source partition -> next offset to apply. `pages`: every page that was looked
    at, empty where Redis holds none of that name."""

    slot: int
    applied: dict[int, int]
    pages: dict[PageName, dict[str, str]]


class SnapshotReader:
    """Takes snapshots of slots. The client is a redis.asyncio one that decodes its answers."""

    def __init__(self, redis: Any, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._page_key = re.compile(re.escape(keys.prefix) + r":\{(\d+)\}:((?:post|account):.*)", re.DOTALL)

    async def applied(self) -> dict[int, dict[int, int]]:
        """How far each slot is: slot -> source partition -> next offset to apply."""
        pipe = self._redis.pipeline(transaction=False)
        for slot in range(SLOTS):
            pipe.hgetall(self._keys.applied[slot])
        return {slot: _offsets(hash_) for slot, hash_ in enumerate(await pipe.execute())}

    async def names(self) -> dict[int, set[PageName]]:
        """The names of all pages that Redis holds, by slot. Pages that are made meanwhile may be missing."""
        names: defaultdict[int, set[PageName]] = defaultdict(set)
        pattern = _GLOB.sub(r"\\\1", self._keys.prefix) + ":{*}:*"
        async for key in self._redis.scan_iter(match=pattern, count=SCAN_COUNT, _type="hash"):
            found = self._page_key.fullmatch(key)
            if found:
                slot = int(found[1])
                names[slot].add(PageName(slot, *split_reference(found[2])))
        return names

    async def take(self, slot: int, names: Iterable[PageName]) -> Snapshot:
        """How far the slot is and these pages of it, in one transaction: no slice is applied in between."""
        wanted = list(names)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(self._keys.applied[slot])
        for name in wanted:
            pipe.hgetall(self._keys.page(slot, reference(name.entity, name.platform, name.id)))
        applied, *pages = await pipe.execute()
        return Snapshot(slot, _offsets(applied), dict(zip(wanted, pages, strict=True)))


def _offsets(hash_: dict[str, str]) -> dict[int, int]:
    """The source partitions' offsets; `version` and `layout` stand beside them."""
    return {int(field): int(offset) for field, offset in hash_.items() if field.isdigit()}
