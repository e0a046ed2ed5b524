"""Trails: how far a slot is in a partition that held it before partitions were added.

Adding partitions moves a slot to another one, and what it left behind is sent on there. The slot's `applied` hash says
how much of the old partition was counted and published while the slot lay in it (the fields of that partition, which
nobody writes any more) and how much was sent on since (`sent:<partition>`). All lie beside the slot's rows, so they
fall back with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from pipeline.errors import FencedError
from pipeline.slots import former_slots, possible_slots
from pipeline.store.checkpoint import published_field
from pipeline.store.keys import Keys
from pipeline.store.lua import LuaScript
from pipeline.store.round_trip import round_trip

SEND_ON = LuaScript(Path(__file__).with_name("send_on.lua"))


@dataclass(frozen=True, slots=True)
class Trail:
    """Offsets of a former partition: counted up to, sent on up to, published up to."""

    counted: int
    sent: int
    published: int

    @property
    def offset(self) -> int:
        """Everything of the slot before it is settled."""
        return max(min(self.counted, self.published), self.sent)


@dataclass(frozen=True, slots=True)
class Trails:
    """What the hashes say of a partition. `former`: its former slots. `has_grown`: whether one of its own slots had
    another partition before."""

    former: dict[int, Trail]
    has_grown: bool


def sent_field(partition: int | str) -> str:
    """The field of `applied` that says how far a slot's records are sent on from a partition."""
    return f"sent:{partition}"


async def read_trails(redis: Redis, keys: Keys, partition: int, partitions: int) -> Trails:
    """The trails of a partition's former slots."""
    slots = possible_slots(partition, partitions)
    pipe = redis.pipeline(transaction=False)
    for slot in slots:
        pipe.hgetall(keys.applied[slot])
    found: dict[int, dict[bytes, bytes]] = dict(zip(slots, await round_trip(pipe), strict=True))
    counted, sent = str(partition).encode(), sent_field(partition).encode()
    published = published_field(partition).encode()
    fed = [slot for slot, hash_ in found.items() if counted in hash_ or sent in hash_]
    former = {}
    for slot in former_slots(partition, partitions, fed):
        counted_to = found[slot].get(counted, b"0")
        published_to = found[slot].get(published, counted_to)
        former[slot] = Trail(int(counted_to), int(found[slot].get(sent, 0)), int(published_to))
    own = (hash_ for slot, hash_ in found.items() if (slot - partition) % partitions == 0)
    has_grown = any(field.isdigit() and field != counted for hash_ in own for field in hash_)
    return Trails(former, has_grown)


async def advance_trails(
    redis: Redis, keys: Keys, partition: int, former: Mapping[int, Trail], offset: int
) -> dict[int, Trail]:
    """Write that everything before this offset is sent on; gives the trails then. Raises FencedError where Redis holds
    others than these: it fell back, or another owner of the partition was there."""
    following = {slot: replace(trail, sent=max(trail.sent, offset)) for slot, trail in former.items()}
    pipe = redis.pipeline(transaction=False)
    for slot, trail in former.items():
        pipe.execute_command(
            "EVALSHA", SEND_ON.sha, 1, keys.applied[slot], str(partition), sent_field(partition),
            trail.counted, trail.sent, following[slot].sent,
        )  # fmt: skip
    answers: list[Any] = await round_trip(pipe)
    for slot, answer in zip(former, answers, strict=True):
        if answer != 1:
            raise FencedError(
                f"slot {slot} is counted and sent on from its former partition {partition} up to "
                f"{[part.decode() for part in answer]}; expected {[former[slot].counted, former[slot].sent]}"
            )
    return following
