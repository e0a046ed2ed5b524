"""Slots: 256 fixed shares of all accounts. A slot is a hash tag in Redis and lies wholly in one Kafka partition.

`slot = (murmur2(platform:account) & 0x7fffffff) % 256`, the hash of Kafka's default partitioner. With a power of two of
partitions P <= 256 that partitioner puts slot s into partition s % P: adding partitions moves slots, never keys.
"""

from __future__ import annotations

from aiokafka.partitioner import murmur2

from pipeline.errors import TopicsError

SLOTS = 256


def slot_of(platform: str, account: str) -> int:
    """The slot, 0 to 255, of an account and of all its posts."""
    return int(murmur2(f"{platform}:{account}".encode()) & 0x7FFFFFFF) % SLOTS


def check_partitions(topic: str, partitions: int) -> int:
    """The number itself, if slots can lie wholly in one partition each; raises TopicsError otherwise."""
    if not (1 <= partitions <= SLOTS and partitions & (partitions - 1) == 0):
        raise TopicsError(f"topic {topic} has {partitions} partitions; expected a power of two up to {SLOTS}")
    return partitions


def slots_of_partition(partition: int, partitions: int) -> range:
    """All slots whose records lie in this partition of `partitions`."""
    return range(partition, SLOTS, partitions)
