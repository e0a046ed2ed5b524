"""Schedules of everything that may happen, thousands of them: Redis and the topics end as the oracle says.

Worker, table, script, publication and erasure are the production code, Redis is a real one; Kafka, the group and time
are the schedule's (`tests/world`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Coroutine
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from schemas.interaction import Interaction
from tests.factories import NOON_MS
from tests.world.wire import Fault
from tests.world.worker import Worker
from tests.world.world import BRANDS, USED, WORKERS, World

WHO = st.integers(0, WORKERS - 1)
WHERE = st.sampled_from(USED)
MANY = st.integers(1, 8)
#: Seconds around noon; hours and days before it: windows of every size, kept and past their retention.
SOON_MS = st.integers(0, 600).map(lambda s: NOON_MS - s * 1000)
LATE_MS = st.one_of(
    st.integers(1, 48).map(lambda h: NOON_MS - h * 3_600_000),
    st.integers(1, 120).map(lambda d: NOON_MS - d * 86_400_000),
)
TEXTS = st.sampled_from(["Why not?", "Why not? (edited)", None])
ACTORS = st.sampled_from(["ann", "bob", "cid"])
FAULTS = st.none() | st.builds(
    Fault,
    st.integers(0, 7),
    st.sampled_from(["none", "part", "all"]),
    st.sampled_from(["death", "error", "stall"]),
)
RARELY = st.integers(0, 3).map(lambda number: number == 3)
WRITTEN = st.integers(0, 1_000)


@dataclass(frozen=True)
class About:
    """Another word on what was written before: the same again where nothing is changed."""

    which: int
    changes: dict[str, Any] = field(default_factory=dict)
    misplaced: bool = False


@dataclass(frozen=True)
class Reply:
    """A reply to what was written before, which need not be a comment."""

    to: int
    number: int
    own: bool
    time_ms: int


@st.composite
def adds(draw: st.DrawFn) -> Interaction:
    """One of a few objects on two posts an account, so that they meet; now and then an edit comes before its add."""
    brand = draw(st.sampled_from(BRANDS))
    post = f"{brand}_{draw(st.integers(0, 1))}"
    kind: Any = draw(st.sampled_from(["like", "comment", "comment", "share", "post"]))
    return Interaction(
        platform="facebook",
        account=brand,
        kind=kind,
        action=draw(st.sampled_from(["add", "add", "edit"])),
        post=post,
        id=f"{post}#{draw(st.integers(0, 4))}",
        actor=draw(st.none() | ACTORS),
        text=draw(TEXTS) if kind in {"comment", "post"} else None,
        time_ms=draw(SOON_MS),
    )


KINDS = st.sampled_from(["like", "comment", "share", "post"])
ACTIONS = st.sampled_from(["add", "edit", "remove"])
DUPLICATES = st.builds(About, WRITTEN)
LATE = st.builds(About, WRITTEN, st.fixed_dictionaries({"time_ms": LATE_MS, "action": ACTIONS, "text": TEXTS}))
#: Of what was written just now, perhaps as an edit: it turns out to be older.
OLDER = st.builds(
    About, st.integers(-3, -1), st.fixed_dictionaries({"time_ms": LATE_MS, "action": st.just("add"), "text": TEXTS})
)
#: Also before the time of what they remove: out of order.
REMOVALS = st.builds(About, WRITTEN, st.fixed_dictionaries({"time_ms": SOON_MS, "action": st.just("remove")}))
OTHER_KINDS = st.builds(
    About, WRITTEN, st.fixed_dictionaries({"time_ms": SOON_MS, "kind": KINDS, "own": st.booleans()})
)
#: Somebody's producer with another partitioner.
MISPLACED = st.builds(About, WRITTEN, misplaced=st.just(True))
REPLIES = st.builds(Reply, WRITTEN, st.integers(0, 3), st.sampled_from([True, True, False]), SOON_MS)
WORDS = st.one_of(adds(), adds(), DUPLICATES, LATE, OLDER, REMOVALS, OTHER_KINDS, REPLIES, MISPLACED)


class Simulation(RuleBasedStateMachine):
    """One schedule. What an argument names that is not there (a dead worker, an empty log) is passed over."""

    def __init__(self, socket: str, happened: Counter[str]) -> None:
        super().__init__()
        self.world = World(socket)
        self.happened = happened
        self.fell_back = self.jumped = False

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

    # What workers do, and where one of their calls to the outside fails

    @rule(partition=WHERE, number=MANY, zombie=RARELY, patient=st.booleans(), fault=FAULTS)
    def count(self, partition: int, number: int, zombie: bool, patient: bool, fault: Fault | None) -> None:
        """Fetch and count."""
        worker = self._worker(partition, zombie, patient, "take")
        if worker is not None and partition in worker.positions:
            worker.fetch(partition, number)
            self._work(worker, "take", worker.take(partition), fault)

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
            self._work(worker, "publish", worker.publish(), fault)
            if commit and not worker.dead:
                worker.commit()

    @rule(actor=ACTORS)
    def erase(self, actor: str) -> None:
        """Somebody asks for it."""
        self.world.erase(actor)

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
        self.world.workers[who].wire.fault = fault and copy(fault)
        self.world.share(list(owners))

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

    def _work(self, worker: Worker, kind: str, what: Coroutine[Any, Any, None], fault: Fault | None) -> None:
        worker.wire.fault = fault and copy(fault)
        self.world.work(worker, kind, what)

    # What happens to them

    @rule(who=WHO)
    def go_on(self, who: int) -> None:
        """What stood still goes on: a zombie wakes."""
        self.world.run(self.world.workers[who].finish())

    @rule(who=WHO)
    def kill(self, who: int) -> None:
        """At rest, or where it stands still."""
        self.world.run(self.world.workers[who].kill())

    @rule(who=WHO)
    def oust(self, who: int) -> None:
        """The group holds it for dead. It is not told, and goes on as a zombie."""
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

    # What happens to Redis

    @rule()
    def save(self) -> None:
        self.world.save()

    @precondition(lambda self: not self.jumped)
    @rule()
    def go_back(self) -> None:
        """A restored backup, a replica that was behind; empty where nothing was saved."""
        self.fell_back = True
        self.world.go_back()

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
            self.world.close()


def simulate(socket: str, schedules: int, steps: int) -> Counter[str]:
    """Run so many schedules; gives how often each fault happened."""
    happened: Counter[str] = Counter()
    ours = logging.getLogger("twoway")
    level = ours.level
    ours.setLevel(logging.ERROR)
    try:
        run_state_machine_as_test(
            partial(Simulation, socket, happened),
            settings=hypothesis_settings(
                max_examples=schedules,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        ours.setLevel(level)
    return happened


def test_schedules_of_faults_end_as_the_oracle_says(socket: str) -> None:
    """A hundred of them."""
    simulate(socket, 100, 40)


@pytest.mark.prove
def test_thousands_of_schedules_of_faults_end_as_the_oracle_says(socket: str) -> None:
    """Each fault happened at many places."""
    happened = simulate(socket, 5_000, 50)
    assert len(happened) == 9
    assert min(happened.values()) > 100
