"""Each record counts once its slot has applied it, whatever the order of reading and of snapshots."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.proving.ledger import Ledger
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.windows import Windows
from schemas.interaction import encode_interaction
from tests.factories import NOON_MS, make_interaction

PARTITIONS = 4
SLOT = slot_of("facebook", "a1")
HOME = SLOT % PARTITIONS


@dataclass(frozen=True)
class Record:
    """What the ledger reads of a Kafka record."""

    partition: int
    offset: int
    value: bytes
    timestamp: int = NOON_MS


def like(offset: int, partition: int = HOME) -> Record:
    return Record(partition, offset, encode_interaction(make_interaction(actor=f"u{offset}")))


def new_ledger() -> Ledger:
    return Ledger(Settings(windows=Windows.parse("1m:3h")), PARTITIONS)


def test_record_counts_when_its_slot_has_applied_it() -> None:
    ledger = new_ledger()
    ledger.advance(SLOT, {HOME: 2})
    ledger.take([like(0), like(1), like(2), like(3)])
    assert (ledger.oracle.outcomes["accepted"], ledger.waiting_before({HOME: 3})) == (2, 1)
    ledger.advance(SLOT, {HOME: 3})
    assert (ledger.oracle.outcomes["accepted"], ledger.waiting_before({HOME: 3})) == (3, 0)


def test_record_in_a_partition_that_does_not_own_its_slot_waits_until_it_is_sent_on() -> None:
    """Its copy counts, not itself. A slot of that partition which is further says that the copy is sent."""
    ledger = new_ledger()
    elsewhere = (HOME + 1) % PARTITIONS
    ledger.take([like(0, elsewhere)])
    assert (ledger.oracle.outcomes["accepted"], ledger.waiting_before({elsewhere: 9})) == (0, 1)
    ledger.advance(elsewhere, {elsewhere: 1})
    assert (ledger.oracle.outcomes["accepted"], ledger.waiting_before({elsewhere: 9})) == (0, 0)


def test_record_left_behind_by_a_slot_that_moved_waits_until_its_own_trail_passes_it() -> None:
    """What another slot has applied says nothing of it: Redis may have fallen back in this slot alone."""
    ledger = new_ledger()
    old = (HOME + 2) % PARTITIONS
    ledger.advance(old, {old: 9})
    ledger.advance(SLOT, {old: 1})
    ledger.take([like(0, old), like(1, old)])
    assert (ledger.oracle.outcomes["accepted"], ledger.waiting_before({old: 9})) == (1, 1)
    ledger.advance(SLOT, {old: 1}, {old: 2})
    assert (ledger.oracle.outcomes["accepted"], ledger.waiting_before({old: 9})) == (1, 0)


def test_record_counted_before_partitions_were_added_still_counts() -> None:
    """The slot moved to another partition, but its `applied` names the old one too."""
    ledger = new_ledger()
    old = (HOME + 2) % PARTITIONS
    ledger.advance(SLOT, {old: 1, HOME: 1})
    ledger.take([like(0, old)])
    ledger.take([like(0)])
    assert ledger.oracle.outcomes["accepted"] == 2
