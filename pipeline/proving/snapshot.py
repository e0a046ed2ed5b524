"""Reads slots out of Redis for the proof: the pages of a slot and how far it is, at one moment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.proving.expected import PageName
from pipeline.slots import SLOTS
from pipeline.store.keys import Keys, reference, split_reference
from pipeline.store.trails import sent_field
from pipeline.windows import ALL, ALL_NAME, Windows

SCAN_COUNT = 2_000
WAITS = "waits "
ENGAGED = "engaged "
#: Characters that mean something in a SCAN pattern.
_GLOB = re.compile(r"([*?\[\]\\^])")


class Reach(NamedTuple):
    """How far a slot is, by source partition: the next offset to apply, and what is sent on of a former partition."""

    applied: dict[int, int]
    sent: dict[int, int]


@dataclass(frozen=True)
class Snapshot:
    """One slot at one moment. `applied`: source partition -> next offset to apply. `pages`: every page that was looked
    at, empty where Redis holds none of that name.

    Beside a page's own fields stand, under names that no field has: `waits <member>` -> time in ms for each comment in
    an account's queue, and `engaged <window code>` -> the number of distinct actors.
    """

    slot: int
    applied: dict[int, int]
    pages: dict[PageName, dict[str, str]]


class SnapshotReader:
    """Takes snapshots of slots. The client is a redis.asyncio one that decodes its answers."""

    def __init__(self, redis: Any, keys: Keys, engaged: Windows) -> None:
        self._redis = redis
        self._keys = keys
        self._engaged = engaged
        self._page_key = re.compile(re.escape(keys.prefix) + r":\{(\d+)\}:((?:post|account):.*)", re.DOTALL)

    async def reach(self) -> dict[int, Reach]:
        """How far each slot is."""
        pipe = self._redis.pipeline(transaction=False)
        for slot in range(SLOTS):
            pipe.hgetall(self._keys.applied[slot])
        return {slot: Reach(_offsets(hash_), _sent(hash_)) for slot, hash_ in enumerate(await pipe.execute())}

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

    async def take(self, slot: int, wanted: Mapping[PageName, Iterable[int]]) -> Snapshot:
        """How far the slot is and these pages of it, each with the windows whose engaged actors are to be counted, in
        one transaction: no slice is applied in between."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(self._keys.applied[slot])
        asked = {name: list(codes) for name, codes in wanted.items()}
        for name, codes in asked.items():
            pipe.hgetall(self._keys.page(slot, reference(name.entity, name.platform, name.id)))
            if name.entity == "account":
                pipe.zrange(self._keys.unanswered(slot, name.platform, name.id), 0, -1, withscores=True)
            for code in codes:
                pipe.pfcount(self._engaged_key(name, code))
        applied, *rest = await pipe.execute()
        answers, pages = iter(rest), {}
        for name, codes in asked.items():
            page = pages[name] = next(answers)
            beside = {WAITS + member: str(int(ms)) for member, ms in next(answers)} if name.entity == "account" else {}
            beside |= {f"{ENGAGED}{code}": str(next(answers)) for code in codes}
            if page or any(value != "0" for value in beside.values()):
                page |= beside
        return Snapshot(slot, _offsets(applied), pages)

    def _engaged_key(self, name: PageName, code: int) -> str:
        if name.entity == "post":
            return self._keys.engaged_post(name.slot, name.platform, name.id)
        window = ALL_NAME if code == ALL else self._engaged.field(code)
        return self._keys.engaged(name.slot, name.platform, name.id, window)


def _offsets(hash_: dict[str, str]) -> dict[int, int]:
    """The source partitions' offsets; `version` and `layout` stand beside them."""
    return {int(field): int(offset) for field, offset in hash_.items() if field.isdigit()}


def _sent(hash_: dict[str, str]) -> dict[int, int]:
    """The former partitions' offsets up to which the slot's records are sent on."""
    prefix = sent_field("")
    return {int(field.removeprefix(prefix)): int(to) for field, to in hash_.items() if field.startswith(prefix)}
