"""The world: two workers, what is between them, and everything that may happen to it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import redis

from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys
from pipeline.windows import Windows
from schemas.erasure import Erasure, encode_erasure
from schemas.interaction import Interaction, encode_interaction
from schemas.topics import INTERACTIONS
from tests.driver import RECEIVED_MS
from tests.world.clockwork import Clockwork
from tests.world.kafka import PARTITIONS, Kafka
from tests.world.truth import Truth
from tests.world.wire import End, Reach, Wire, WiredRedis
from tests.world.worker import Worker

#: The partitions with records in them.
USED = (0, 1)
WORKERS = 2
#: Every window closes within it.
LONG_S = 2 * 86_400
#: More than any schedule writes.
EVERYTHING = 1_000


def accounts_in(partition: int, number: int) -> list[str]:
    """Accounts whose slots lie in this partition, each in another slot."""
    found: dict[int, str] = {}
    for name in (f"brand{i}" for i in range(100_000)):
        slot = slot_of("facebook", name)
        if slot % PARTITIONS == partition:
            found.setdefault(slot, name)
        if len(found) == number:
            break
    return list(found.values())


BRANDS = [*accounts_in(0, 2), *accounts_in(1, 1)]


class World:
    """`socket`: a Redis that is the world's alone."""

    def __init__(self, socket: str) -> None:
        self.settings = replace(
            Settings(), key_prefix="w", slice_events=3, alert_rules=(), engaged_windows=Windows.parse("1d:90d")
        )
        self.loop = Clockwork()
        self.loop.set_exception_handler(lambda *_: None)  # of tasks that died with their worker
        self.client = redis.Redis(unix_socket_path=socket)
        self.client.flushall()
        self.client.script_flush()
        self.reading = redis.Redis(unix_socket_path=socket, decode_responses=True, encoding="latin-1")
        self.kafka = Kafka(self.settings.topic(INTERACTIONS.name), {partition: [] for partition in USED})
        self.written: list[Interaction] = []
        self.saved: dict[bytes, bytes] = {}
        #: Whether texts left Redis before their time.
        self.forgot = False
        #: Of all workers, also of those that others took the place of.
        self.happened: list[tuple[Reach, End]] = []
        self.workers = [self._new_worker() for _ in range(WORKERS)]
        self.run(self.workers[0].assign(USED))

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Do it; afterwards at least a millisecond has passed."""
        answer = self.loop.run_until_complete(what)
        self.loop.now_s += 0.001
        return answer

    def now_ms(self) -> int:
        """The wall clock."""
        return RECEIVED_MS + int(self.loop.time() * 1000)

    def write(self, one: Interaction, misplaced: bool = False) -> None:
        """Into the partition of its slot, or into another one."""
        own = slot_of(one.platform, one.account) % PARTITIONS
        partition = 1 - own if misplaced else own
        self.kafka.append(partition, one.key.encode(), encode_interaction(one), self.now_ms())
        self.written.append(one)

    def erase(self, actor: str) -> None:
        """Somebody asks for an erasure."""
        self.kafka.erasures.append(encode_erasure(Erasure(platform="facebook", actor=actor, time_ms=self.now_ms())))

    def forget_texts(self) -> None:
        """The lifetime of every text is over; what waits still does, for nobody touches its account."""
        self.forgot = True
        for key in self.client.scan_iter(match=f"{self.settings.key_prefix}:*:texts:*"):
            self.client.delete(key)

    def save(self) -> None:
        """A snapshot, a replica that falls behind from now on."""
        self.saved = {key: self.client.dump(key) for key in self.client.scan_iter()}

    def go_back(self) -> None:
        """What was written since the snapshot is lost (everything, where there is none), and scripts are forgotten."""
        self.client.flushall()
        self.client.script_flush()
        for key, value in self.saved.items():
            self.client.restore(key, 0, value)

    def work(self, worker: Worker, kind: str, what: Coroutine[Any, Any, Any]) -> None:
        """Have a worker do something, unless it is at that already or dead."""
        if worker.dead or kind in worker.busy:
            what.close()
        else:
            self.run(worker.work(kind, what))

    def owner(self, partition: int) -> Worker | None:
        """Whom the group has given a partition. A dead owner's go to a live worker, or to one that begins anew."""
        owner = next((worker for worker in self.workers if partition in worker.owns), None)
        if owner is not None and not owner.dead:
            return owner
        for number in range(WORKERS):
            self.restart(number)
        self.share([number for number, worker in enumerate(self.workers) if not worker.busy][:1] * len(USED))
        return next((worker for worker in self.workers if partition in worker.owns), None)

    def share(self, owners: list[int]) -> None:
        """The group gives each partition to a worker; who stands still is not asked and becomes a zombie."""
        given: dict[int, set[int]] = {number: set() for number in range(WORKERS)}
        for partition, number in zip(USED, owners, strict=False):
            given[number].add(partition)
        for number, worker in enumerate(self.workers):
            if worker.dead or worker.busy:
                worker.owns = set()
            else:
                self._give(worker, given[number])

    def oust(self, number: int) -> None:
        """The group holds a worker for dead and gives all to the other one; it is not told."""
        self.workers[number].owns = set()
        heir = self.workers[1 - number]
        if heir.dead:
            self.restart(1 - number)
            heir = self.workers[1 - number]
        if not heir.busy:
            self._give(heir, set(USED))

    def _give(self, worker: Worker, partitions: set[int]) -> None:
        worker.owns = partitions
        self.work(worker, "assign", worker.assign(partitions))

    def restart(self, number: int) -> None:
        """A dead worker's process begins anew, without partitions."""
        if self.workers[number].dead:
            self.run(self.workers[number].kill())
            self.workers[number] = self._new_worker()

    def come_to_rest(self) -> None:
        """No faults any more: whoever owns a partition does all there is to do, publishes and commits it; then time
        passes until every window is closed."""
        for worker in self.workers:
            worker.wire.fault = None
            self.run(worker.finish())
        for worker in self.workers:
            if not worker.owns:
                self.run(worker.kill())
        for partition in USED:
            self.owner(partition)  # where one is dead, all partitions go to another worker
        for _ in range(20):
            for partition in USED:
                owner = self.owner(partition)
                assert owner is not None
                owner.fetch(partition, EVERYTHING)
                self.work(owner, "take", owner.take(partition))
            self._finish_round()
            if all(map(self._is_done, USED)):
                break
            self.loop.now_s += 1
        else:
            raise AssertionError(f"never came to rest: {self.kafka.committed}")
        for _ in range(2):
            self.loop.now_s += LONG_S
            self._finish_round()

    def _is_done(self, partition: int) -> bool:
        """All is counted and published, and nobody was sent back."""
        owner, end = self.owner(partition), len(self.kafka.logs[partition])
        table = owner and owner.tables.tables.get(partition)
        return table is not None and table.progress.position == self.kafka.committed.get(partition, 0) == end

    def _finish_round(self) -> None:
        """What every live worker does beside counting."""
        for worker in self.workers:
            if worker.owns:
                self.work(worker, "follow", worker.follow())
                self.work(worker, "publish", worker.publish())
                worker.commit()
                assert not worker.dead

    def applied(self) -> dict[int, dict[int, int]]:
        """Slot -> partition -> the next offset to apply."""
        keys = Keys(self.settings.key_prefix)
        found: dict[int, dict[int, int]] = {}
        for slot in range(SLOTS):
            if slot % PARTITIONS in USED:
                hash_ = self.reading.hgetall(keys.applied[slot])
                found[slot] = {int(name): int(text) for name, text in hash_.items() if name.isdigit()}
        return found

    def truth(self, applied: dict[int, dict[int, int]] | None = None) -> Truth:
        """The oracle's word on the log, up to what each slot has applied where that is given."""
        return Truth(self.settings, WiredRedis(self.reading, Wire()), self.kafka, applied, forgot=self.forgot)

    def close(self) -> None:
        """End every task and connection."""
        for worker in self.workers:
            self.run(worker.kill())
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left))
        self.loop.close()
        self.client.close()
        self.reading.close()

    def _new_worker(self) -> Worker:
        worker = Worker(self.settings, self.client, self.kafka, self.now_ms, PARTITIONS)
        worker.wire.happened = self.happened
        return worker
