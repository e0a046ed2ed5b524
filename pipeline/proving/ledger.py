"""The records read so far, each counted once its slot has applied it, and never before.

Slots are read out of Redis at different moments, so each has an applied offset of its own a source partition; a record
at or after it waits here. One that lies in a partition which does not own its slot, and was not counted there, is sent
on by the workers: its copy counts. Until it is sent on it is one that the workers have not counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.proving.oracle import Oracle, decode
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of, slots_of_partition
from schemas.interaction import Interaction


class Ledger:
    """Hands records to the oracle in their order, as far as each slot has applied them."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self.oracle = Oracle(settings.windows, settings.future_limit_s * 1000, settings.engaged_windows)
        self._partitions = partitions
        #: All records taken, counted or waiting.
        self.read = 0
        self._applied: list[dict[int, int]] = [{} for _ in range(SLOTS)]
        self._waiting: list[deque[tuple[int, int, int, Interaction]]] = [deque() for _ in range(SLOTS)]
        #: Records in partitions that do not own their slots: slot, partition, offset.
        self._misplaced: list[tuple[int, int, int]] = []
        #: Whether there was any such record.
        self.has_misplaced = False
        self._sent: list[Mapping[int, int]] = [{} for _ in range(SLOTS)]
        self._slots: dict[tuple[str, str], int] = {}

    def take(self, records: Iterable[Any]) -> None:
        """Take Kafka records of one partition, in their order."""
        for record in records:
            self.read += 1
            event = decode(record.value)
            if isinstance(event, str):
                self.oracle.outcomes[event] += 1
                continue
            slot = self._slot(event)
            if record.offset < self._applied[slot].get(record.partition, 0):
                self.oracle.take_decoded(event, record.timestamp, slot)
            elif slot % self._partitions == record.partition:
                self._waiting[slot].append((record.partition, record.offset, record.timestamp, event))
            else:
                self.has_misplaced = True
                self._misplaced.append((slot, record.partition, record.offset))

    def advance(self, slot: int, applied: Mapping[int, int], sent: Mapping[int, int] | None = None) -> None:
        """The slot has applied this much more: count what waited for it. `sent`: how far its records are sent on from
        former partitions, where that was asked for."""
        self._applied[slot] = dict(applied)
        self._sent[slot] = self._sent[slot] if sent is None else sent
        waiting = self._waiting[slot]
        for _ in range(len(waiting)):
            partition, offset, timestamp_ms, event = entry = waiting.popleft()
            if offset < applied.get(partition, 0):
                self.oracle.take_decoded(event, timestamp_ms, slot)
            else:
                waiting.append(entry)

    def waiting_before(self, ends: Mapping[int, int]) -> int:
        """How many records before these offsets still wait to be applied, or to be sent on."""
        reached = {p: self._reached(p) for p in {partition for _, partition, _ in self._misplaced}}
        self._misplaced = [one for one in self._misplaced if one[2] >= self._sent_on_to(one[0], one[1], reached)]
        waiting = sum(offset < ends[partition] for slot in self._waiting for partition, offset, _, _ in slot)
        return waiting + sum(offset < ends[partition] for _, partition, offset in self._misplaced)

    def _sent_on_to(self, slot: int, partition: int, reached: Mapping[int, int]) -> int:
        """Up to where a slot's records in another partition are counted or sent on. A slot that lay there once says so
        itself. Of any other, whatever the partition's own slots applied came after the sending."""
        counted, sent = self._applied[slot].get(partition), self._sent[slot].get(partition)
        return reached[partition] if counted is None and sent is None else max(counted or 0, sent or 0)

    def _reached(self, partition: int) -> int:
        own = slots_of_partition(partition, self._partitions)
        return max(self._applied[slot].get(partition, 0) for slot in own)

    def _slot(self, event: Interaction) -> int:
        key = (event.platform, event.account)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = slot_of(event.platform, event.account)
        return slot
