"""One schedule of everything that may happen to the world: whoever draws one says what comes next, and `teardown` that
all of it came out right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from copy import copy
from typing import Any, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from schemas.interaction import Interaction
from tests.world.wire import End, Fault, Reach
from tests.world.words import ACTORS, WORDS, About, Reply
from tests.world.worker import Worker
from tests.world.world import USED, WORKERS, World

WHO = st.integers(0, WORKERS - 1)
WHERE = st.sampled_from(USED)
MANY = st.integers(1, 8)
REACHES: tuple[Reach, ...] = get_args(Reach)
ENDS: tuple[End, ...] = get_args(End)
FAULTS = st.none() | st.builds(
    Fault,
    st.integers(0, 7),
    st.sampled_from(REACHES),
    st.sampled_from(ENDS),
)
RARELY = st.integers(0, 3).map(lambda number: number == 3)
#: What happens besides faults at calls; each counts where it did something.
HAPPENINGS = (
    "duplicate", "late", "removal", "other kind", "misplaced", "reply", "erasure", "counted by the owner",
    "counted by a zombie", "published by the owner", "published by a zombie", "fenced", "took over", "ousted", "woken",
    "killed", "clock jumped", "Redis fell back", "Redis was emptied",
)  # fmt: skip


class Simulation(RuleBasedStateMachine):
    """One schedule. What an argument names that is not there (a dead worker, an empty log) is passed over."""

    def __init__(self, socket: str, happened: Counter[str]) -> None:
        super().__init__()
        self.world = World(socket)
        self.happened = happened
        self.did: Counter[str] = Counter()
        self.fell_back = self.jumped = False

    @initialize(words=st.lists(WORDS, min_size=8, max_size=16))
    def begin(self, words: list[Interaction | About | Reply]) -> None:
        """Something is there, and one worker has it all."""
        self.write(words)

    @rule(words=st.lists(WORDS, min_size=1, max_size=8))
    def write(self, words: list[Interaction | About | Reply]) -> None:
        """Platforms say something, in whatever order."""
        written = self.world.written
        for word in words:
            if isinstance(word, Interaction):
                self.world.write(word)
            elif written and isinstance(word, About):
                one = written[word.which % len(written)]
                self.world.write(replace(one, **word.changes), word.misplaced)
                self.did[word.what] += 1
            elif written:
                to = written[word.to % len(written)]
                self.world.write(
                    replace(
                        to,
                        kind="comment",
                        action="add",
                        id=f"{to.post}#r{word.number}",
                        own=word.own,
                        parent=to.id,
                        actor=None if word.own else "dan",
                        text="Because.",
                        time_ms=word.time_ms,
                    )
                )
                self.did["reply"] += 1

    # What workers do, and where one of their calls to the outside fails

    @rule(partition=WHERE, number=MANY, zombie=RARELY, patient=st.booleans(), fault=FAULTS)
    def count(self, partition: int, number: int, zombie: bool, patient: bool, fault: Fault | None) -> None:
        """Fetch and count."""
        worker = self._worker(partition, zombie, patient, "take")
        if worker is not None and partition in worker.positions:
            worker.fetch(partition, number)
            if worker.fetched[partition]:
                self.did[f"counted by {self._who(worker, partition)}"] += 1
            self._work(worker, "take", worker.take(partition), fault)

    @rule(partition=WHERE, number=MANY, commit=st.booleans())
    def carry_on(self, partition: int, number: int, commit: bool) -> None:
        """Nothing goes wrong for a moment."""
        self.count(partition, number, False, True, None)
        self.publish(partition, False, True, None, commit)

    @rule(partition=WHERE, number=MANY, tell=st.booleans(), fault=FAULTS)
    def contend(self, partition: int, number: int, tell: bool, fault: Fault | None) -> None:
        """The owner is held for dead, and goes on with what its heir has gone on with already."""
        self.count(partition, number, False, True, None)
        owner = self.world.owner(partition)
        if owner is not None:
            self.oust(self.world.workers.index(owner))
            self.count(partition, number, False, True, None)
            if tell:
                self.publish(partition, True, True, fault, False)
            else:
                self.count(partition, number, True, True, fault)

    @rule(partition=WHERE, number=MANY)
    def fetch_ahead(self, partition: int, number: int) -> None:
        """What is fetched before a seek arrives after it."""
        for worker in self.world.workers:
            if not worker.dead and partition in worker.positions:
                worker.fetch(partition, number)

    @rule(partition=WHERE, zombie=RARELY, patient=st.booleans(), fault=FAULTS, commit=st.booleans())
    def publish(self, partition: int, zombie: bool, patient: bool, fault: Fault | None, commit: bool) -> None:
        """Publish; whether Faust gets to the commit is another matter."""
        worker = self._worker(partition, zombie, patient, "publish")
        if worker is not None:
            told = self.world.kafka.arrived
            self._work(worker, "publish", worker.publish(), fault)
            if self.world.kafka.arrived > told:
                self.did[f"published by {self._who(worker, partition)}"] += 1
            if commit and not worker.dead:
                worker.commit()

    @rule(actor=ACTORS)
    def erase(self, actor: str) -> None:
        """Somebody asks for it."""
        self.world.erase(actor)
        self.did["erasure"] += 1

    @rule(who=WHO, fault=FAULTS)
    def follow_erasures(self, who: int, fault: Fault | None) -> None:
        """Every worker does."""
        worker = self.world.workers[who]
        self._work(worker, "follow", worker.follow(), fault)

    @rule(owners=st.tuples(WHO, WHO), who=WHO, fault=FAULTS)
    def rebalance(self, owners: tuple[int, int], who: int, fault: Fault | None) -> None:
        """A worker that died is back as well."""
        for number in range(WORKERS):
            self.world.restart(number)
        had = [set(worker.owns) for worker in self.world.workers]
        self.world.workers[who].wire.fault = fault and copy(fault)
        self.world.share(list(owners))
        self.did["took over"] += any(
            worker.owns - before for worker, before in zip(self.world.workers, had, strict=True)
        )

    def _worker(self, partition: int, zombie: bool, patient: bool, kind: str) -> Worker | None:
        """The partition's owner, or one who takes itself for it. Who stands still goes on, or is held for dead."""
        owner = self.world.owner(partition)
        if owner is not None and kind in owner.busy:
            if patient:
                self.world.run(owner.finish())
            else:
                self.world.oust(self.world.workers.index(owner))
            owner = self.world.owner(partition)
        others = [one for one in self.world.workers if one is not owner and not one.dead and one.positions]
        return others[0] if others and zombie else owner

    @staticmethod
    def _who(worker: Worker, partition: int) -> str:
        return "the owner" if partition in worker.owns else "a zombie"

    def _work(self, worker: Worker, kind: str, what: Coroutine[Any, Any, None], fault: Fault | None) -> None:
        worker.wire.fault = fault and copy(fault)
        self.world.work(worker, kind, what)

    # What happens to them

    @rule(who=WHO)
    def go_on(self, who: int) -> None:
        """What stood still goes on: a zombie wakes."""
        self.did["woken"] += bool(self.world.workers[who].busy)
        self.world.run(self.world.workers[who].finish())

    @rule(who=WHO)
    def kill(self, who: int) -> None:
        """At rest, or where it stands still."""
        self.did["killed"] += not self.world.workers[who].dead
        self.world.run(self.world.workers[who].kill())

    @rule(who=WHO)
    def oust(self, who: int) -> None:
        """The group holds it for dead. It is not told, and goes on as a zombie."""
        self.did["ousted"] += bool(self.world.workers[who].owns) and not self.world.workers[who].dead
        self.world.oust(who)

    @rule(seconds=st.sampled_from([0.01, 1, 6, 40]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.world.loop.now_s += seconds

    @precondition(lambda self: not self.fell_back)
    @rule(who=WHO, ahead_s=st.sampled_from([-90_000, -5, 5, 90_000]))
    def jump(self, who: int, ahead_s: int) -> None:
        """A wall clock jumps. Not together with a Redis that falls back: docs/invariants.md."""
        self.jumped = True
        self.world.workers[who].ahead_ms = ahead_s * 1000
        self.did["clock jumped"] += 1

    # What happens to Redis

    @rule()
    def forget_texts(self) -> None:
        """A long time passes, for texts alone."""
        self.world.forget_texts()

    @rule()
    def save(self) -> None:
        self.world.save()

    @precondition(lambda self: not self.jumped)
    @rule()
    def go_back(self) -> None:
        """A restored backup, a replica that was behind; empty where nothing was saved."""
        self.fell_back = True
        before = self.world.applied()
        self.world.go_back()
        if (now := self.world.applied()) != before:
            self.did["Redis fell back" if any(now.values()) else "Redis was emptied"] += 1

    # What must hold

    @rule()
    def prove(self) -> None:
        """At any moment rows are those of what is applied."""
        wrong = self.world.run(self.world.truth(self.world.applied()).differences_now())
        assert not wrong, wrong

    def teardown(self) -> None:
        try:
            self.world.come_to_rest()
            wrong = self.world.run(self.world.truth().differences())
            assert not wrong, wrong
        finally:
            self.happened.update(f"{end} after {reach}" for reach, end in self.world.happened)
            self.happened.update(self.did)
            self.world.close()
