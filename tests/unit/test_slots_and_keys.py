"""Slots agree with Kafka's partitioner; ordinary ids stand in keys as they are."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import TopicsError
from pipeline.slots import SLOTS, check_partitions, slot_of, slots_of_partition
from pipeline.store.keys import Keys, encode_id, reference

IDS = st.text(min_size=1, max_size=40)


@given(IDS, st.sampled_from([1, 2, 4, 8, 64, 256]))
def test_kafkas_default_partitioner_puts_a_slot_into_the_partition_that_owns_it(account: str, partitions: int) -> None:
    """So any producer with the key `platform:account` writes where the worker expects it."""
    everywhere = list(range(partitions))
    chosen = DefaultPartitioner()(f"facebook:{account}".encode(), everywhere, everywhere)
    assert slot_of("facebook", account) % partitions == chosen
    assert slot_of("facebook", account) in slots_of_partition(chosen, partitions)


def test_every_slot_has_exactly_one_partition() -> None:
    """Whatever the number of partitions."""
    for partitions in (1, 4, 256):
        owned = [slot for partition in range(partitions) for slot in slots_of_partition(partition, partitions)]
        assert sorted(owned) == list(range(SLOTS))


@pytest.mark.parametrize("partitions", [0, 3, 6, 512])
def test_partitions_that_would_tear_slots_apart_are_refused(partitions: int) -> None:
    """Only a power of two up to 256 gives each partition whole slots."""
    with pytest.raises(TopicsError, match=f"topic x has {partitions} partitions; expected a power of two up to 256"):
        check_partitions("x", partitions)


def test_ordinary_ids_stand_in_a_key_as_they_are() -> None:
    """So that redis-cli can be used by hand."""
    for text in ("1234567890321_901097836652708", "at://did:plc:abc/app.bsky.feed.post/3k", "https://a.example/u/1#x"):
        assert encode_id(text) == text


def test_keys_beside_a_page_are_the_ones_of_their_own_methods() -> None:
    """Two ways to the same key, whatever the id holds."""
    keys = Keys("tw")
    for post in ("1_2", "at://did:plc:a/b:c", "p{1}|x y"):
        name = reference("post", "facebook", post)
        assert keys.beside(3, "members", name) == keys.members(3, "facebook", post)
        assert keys.beside(3, "engaged-post", name) == keys.engaged_post(3, "facebook", post)
