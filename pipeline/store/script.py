"""Calls of `apply.lua`: collects what a slice changes in each slot and runs one script a slot in one round trip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from pipeline.counting.changes import Changes
from pipeline.counting.live import LivePage
from pipeline.store.checkpoint import Mark
from pipeline.store.keys import LAYOUT_VERSION, Keys, encode_id

_pack = msgspec.msgpack.Encoder().encode
#: A page outlives its last event by a day more than promised: a worker's memory of pages is a day old at the most, so
#: a page that it remembers has not run out in Redis.
SLACK_DAYS = 1


class SlotChange:
    """What one slot's script is to do; the head of `apply.lua` describes the arrays."""

    __slots__ = ("blobs", "keys", "removals", "renewals", "scores", "sets", "texts", "unscores")

    def __init__(self, applied: str, open_: str) -> None:
        self.keys: list[str] = [applied, open_]
        self.sets: list[Any] = []
        self.removals: list[Any] = []
        self.texts: list[Any] = []
        self.blobs: list[bytes] = []
        self.scores: list[Any] = []
        self.unscores: list[Any] = []
        self.renewals: list[int] = []

    def key(self, key: str) -> int:
        """Adds a key; gives its number in KEYS."""
        self.keys.append(key)
        return len(self.keys)

    def close_at(self, reference: str, closes_ms: int, *, earlier_only: bool) -> None:
        """Note when the page's next window closes; `earlier_only` keeps an earlier time that is noted already."""
        score = (str(closes_ms), reference)
        self.scores += (2, ("LT", *score) if earlier_only else score)

    def closed(self, reference: str) -> None:
        """The page has no window left to close."""
        self.unscores += (2, (reference,))

    def arguments(self, ttl_s: int) -> list[Any]:
        """ARGV from 7 on."""
        lists = (self.sets, self.removals, self.texts, self.scores, self.unscores, self.renewals, ttl_s)
        return [_pack(lists), *self.blobs]


@dataclass(slots=True)
class Call:
    """One slot's script: the mark that must be in force, the mark afterwards, and what else to write."""

    slot: int
    believed: Mark
    following: Mark
    change: SlotChange | None


class Script:
    """Writes slices: every slot's changes with the marks that must still be in force."""

    def __init__(self, redis: Redis, keys: Keys, page_ttl_days: int) -> None:
        self.redis = redis
        self.keys = keys
        self.ttl_s = (page_ttl_days + SLACK_DAYS) * 86_400

    async def load(self) -> None:
        """Make Redis know the script (a restarted one has forgotten it: EVALSHA then raises NoScriptError)."""
        await self.redis.script_load(_source())

    def change(self, slot: int) -> SlotChange:
        """An empty change of a slot."""
        return SlotChange(self.keys.applied[slot], self.keys.open[slot])

    def add_page(self, change: SlotChange, page: LivePage, changes: Changes) -> None:
        """A page's fields, its members and its place among its account's posts."""
        keys = self.keys
        number = change.key(keys.page(page.slot, page.reference))
        if changes.fields:
            change.sets += (number, changes.fields)
        if changes.gone:
            change.removals += (number, changes.gone)
        renew, page.renewed = not page.renewed, True
        if renew:
            change.renewals += (number, 0)
        if page.entity != "post":
            return
        if changes.blob is not None or renew:
            members = change.key(keys.members(page.slot, page.platform, page.id))
            if changes.blob is not None:
                change.texts += (members, "s" if changes.whole else "a")
                change.blobs.append(changes.blob)
            if renew:
                change.renewals += (members, 0)
        if changes.moved or renew:
            posts = change.key(keys.posts(page.slot, page.platform, page.account))
            change.scores += (posts, (str(page.last_ms), encode_id(page.id)))
            if renew:
                change.renewals += (posts, 0)

    async def run(self, partition: int, calls: Iterable[Call]) -> list[Any]:
        """Each slot's answer: 1, or [offset, version] where the writer is fenced. Raises what Redis raises."""
        pipe = self.redis.pipeline(transaction=False)
        field, sha, unnamed = str(partition), _sha(), ("",)
        for call in calls:
            change, believed, following = call.change, call.believed, call.following
            keys = change.keys if change else [self.keys.applied[call.slot], self.keys.open[call.slot]]
            pipe.execute_command(
                "EVALSHA", sha, len(keys), *keys, field, believed.offset, believed.version,
                following.offset, following.version, LAYOUT_VERSION,
                *(change.arguments(self.ttl_s) if change else unnamed),
            )  # fmt: skip
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@cache
def _source() -> str:
    return Path(__file__).with_name("apply.lua").read_text(encoding="utf-8")


@cache
def _sha() -> str:
    return hashlib.sha1(_source().encode(), usedforsecurity=False).hexdigest()
