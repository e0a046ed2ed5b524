"""The lanes of the publisher: what waits for one partition, the batch under way, and who waits for its records.

Pure bookkeeping on one event loop: no method here waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from aiokafka.producer.message_accumulator import BatchBuilder

from pipeline.errors import UnavailableError


class Outgoing(NamedTuple):
    """A record to publish; slot % partitions is its partition."""

    topic: str
    slot: int
    key: bytes | None
    value: bytes


class Ticket:
    """One publication: how many of its records are not acknowledged yet, and who waits for them.

    The future gives None, or the error that it was given up with. It is not raised: a raised one holds the frames of
    whoever waited, and so the whole delivery, for as long as a batch under way holds the ticket.
    """

    __slots__ = ("deadline_s", "future", "remaining")

    def __init__(self, future: asyncio.Future[UnavailableError | None], remaining: int, deadline_s: float) -> None:
        self.future = future
        self.remaining = remaining
        self.deadline_s = deadline_s

    def acknowledge(self) -> None:
        """One more record is certain."""
        self.remaining -= 1
        if not self.remaining and not self.future.done():
            self.future.set_result(None)

    def give_up(self, error: UnavailableError) -> bool:
        """Answer with an error; False where there was an answer before."""
        if self.future.done():
            return False
        self.future.set_result(error)
        return True


class Lane:
    """A partition of a topic. At most one batch is under way."""

    __slots__ = ("batch", "partition", "pending", "sent_s", "tickets", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.pending: deque[tuple[Ticket, Outgoing, int]] = deque()
        self.batch: BatchBuilder | None = None
        self.tickets: list[Ticket] = []
        self.sent_s = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether there is something to send and nothing under way."""
        return bool(self.pending) and self.batch is None

    def fill(self, batch: BatchBuilder, now_s: float) -> bool:
        """Move what waits into the batch until it is full, and take the batch for under way. False if it is empty."""
        pending, tickets = self.pending, []
        while pending:
            ticket, record, time_ms = pending[0]
            if not ticket.future.done():  # else its sender was told 503 already
                if batch.append(timestamp=time_ms, key=record.key, value=record.value) is None:
                    break
                tickets.append(ticket)
            pending.popleft()
        if not tickets:
            return False
        self.batch, self.tickets, self.sent_s = batch, tickets, now_s
        return True

    def end(self) -> list[Ticket]:
        """Nothing is under way any more; gives whose records were."""
        tickets, self.tickets, self.batch = self.tickets, [], None
        return tickets

    def successor(self) -> Lane:
        """A lane for the same partition that takes over what waits, but not what is under way."""
        lane = Lane(self.topic, self.partition)
        lane.pending, self.pending = self.pending, lane.pending
        return lane

    def forget_late(self) -> None:
        """Let go of records whose senders were told 503."""
        if self.pending and self.pending[0][0].future.done():
            self.pending = deque(entry for entry in self.pending if not entry[0].future.done())
