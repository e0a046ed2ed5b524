"""Slots: 256 fixed shares of all accounts. A slot is a hash tag in Redis and lies wholly in one Kafka partition.

`slot = (murmur2(platform:account) & 0x7fffffff) % 256`, the hash of Kafka's default partitioner. With a power of two of
partitions P <= 256 that partitioner puts slot s into partition s % P: adding partitions moves slots, never keys.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.partitioner import murmur2

from pipeline.errors import TopicsError

SLOTS = 256


def slot_of(platform: str, account: str) -> int:
    """The slot, 0 to 255, of an account and of all its posts."""
    return int(murmur2(f"{platform}:{account}".encode()) & 0x7FFFFFFF) % SLOTS


def check_partitions(topic: str, partitions: int) -> int:
    """The number itself, if slots can lie wholly in one partition each; raises TopicsError otherwise."""
    if not holds_slots(partitions):
        raise TopicsError(f"topic {topic} has {partitions} partitions; expected a power of two up to {SLOTS}")
    return partitions


def holds_slots(partitions: int) -> bool:
    """Whether with so many partitions each slot lies wholly in one."""
    return 1 <= partitions <= SLOTS and partitions & (partitions - 1) == 0


def slots_of_partition(partition: int, partitions: int) -> range:
    """All slots whose records lie in this partition of `partitions`."""
    return range(partition, SLOTS, partitions)


def possible_slots(partition: int, partitions: int) -> range:
    """All slots whose records can lie in this partition, under this number of partitions or any smaller one."""
    fewest = 1 << partition.bit_length()
    return range(partition, SLOTS, min(fewest, partitions))


def former_slots(partition: int, partitions: int, fed: Iterable[int]) -> list[int]:
    """The slots that lay in this partition before partitions were added. `fed`: slots known to have had records there;
    one of them tells of all, for slots move by the power of two."""
    fewest, found = partitions, list(fed)
    while any((slot - partition) % fewest for slot in found):
        fewest //= 2
    return [slot for slot in range(partition, SLOTS, fewest) if (slot - partition) % partitions]
