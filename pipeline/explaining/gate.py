"""The gate: which records of `interactions` are about a page, and whether the workers have counted them.

The rules are those of intake and fold: the future, the post that another account named first, the partition that does
not own the slot, the applied offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from pipeline.counting.members import hash_id
from pipeline.explaining.objects import object_key
from pipeline.slots import slot_of
from pipeline.windows import Window
from schemas.engagement import Entity
from schemas.interaction import UNDECODABLE, Interaction, decode_interaction

#: Bits of an offset within a position; 2^48 records in one partition are out of reach.
OFFSET_BITS = 48


class Record(Protocol):
    """A Kafka record, as far as it matters here."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True)
class Target:
    """The page that is explained, and which of its windows."""

    entity: Entity
    platform: str
    id: str
    account: str
    window: Window

    @property
    def slot(self) -> int:
        return slot_of(self.platform, self.account)

    def holds(self, time_ms: int) -> bool:
        """Whether a moment lies in the window."""
        start_ms, end_ms = self.window.start_ms, self.window.end_ms
        return start_ms is None or end_ms is None or start_ms <= time_ms < end_ms


class Taken(NamedTuple):
    """An interaction of the page. `position`: partition and offset in one number. `is_applied`: the workers counted
    it before Redis was looked at. `post`: the hash of its post; `key`: its object among those of all posts."""

    interaction: Interaction
    position: int
    is_applied: bool
    post: int
    key: int


class Gate:
    """Takes the records of one reading in their order; every reading needs a new one, for it remembers the posts."""

    def __init__(self, target: Target, applied: Mapping[int, int], home: int, future_limit_ms: int) -> None:
        self._target = target
        self._slot = target.slot
        self._applied = applied
        self._home = home
        self._future_limit_ms = future_limit_ms
        #: Hashes of the posts that the account named first, and of those that another account of the slot did.
        self._ours: set[int] = set()
        self._others: set[int] = set()
        self._slot_of = lru_cache(maxsize=100_000)(slot_of)

    @property
    def remembered(self) -> int:
        """How many posts it keeps in memory."""
        return len(self._ours) + len(self._others)

    def take(self, record: Record) -> Taken | None:
        """The record's interaction where it is about the page and countable, else None."""
        try:
            interaction = decode_interaction(record.value or b"")
        except UNDECODABLE:
            return None
        target = self._target
        if interaction.platform != target.platform or interaction.time_ms > record.timestamp + self._future_limit_ms:
            return None
        is_applied = record.offset < self._applied.get(record.partition, 0)
        if not is_applied and record.partition != self._home:
            return None  # sent on to the partition that owns the slot: its copy counts
        if interaction.account != target.account:
            self._note_other(interaction)
            return None
        post = hash_id(interaction.post or "")
        if not self._is_of_page(interaction, post):
            return None
        position = record.partition << OFFSET_BITS | record.offset
        return Taken(interaction, position, is_applied, post, object_key(post, hash_id(interaction.id)))

    def _note_other(self, interaction: Interaction) -> None:
        """A post belongs to the account that names it first, among those of its slot."""
        if self._target.entity == "post" or interaction.post is None:
            return
        if self._slot_of(interaction.platform, interaction.account) == self._slot:
            post = hash_id(interaction.post)
            if post not in self._ours:
                self._others.add(post)

    def _is_of_page(self, interaction: Interaction, post: int) -> bool:
        if self._target.entity == "post":
            return interaction.post == self._target.id
        if interaction.post is None:
            return True
        if post in self._others:
            return False
        self._ours.add(post)
        return True
