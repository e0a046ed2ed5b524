"""The programs that are measured against each other: how each is started, and what it does for its figures.

What a program does is part of its figures: one that leaves work out is faster. Its row says so beside them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from kafka import KafkaAdminClient

from bench.engine import Stage, run_confluent, run_faust, run_peer, run_workers
from bench.measured import Measured
from bench.peers.java import FLINK, STREAMS, JavaProgram

CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Work:
    """What a program does beside adding up; every one writes the rows of posts and accounts, all windows, to Redis."""

    repeats: str
    removals: str
    after_a_crash: str
    in_one_step: str
    schema: str
    publishes: str
    beside_rows: str


#: In the order of `Work`.
HEADINGS = (
    "repeats dropped",
    "edits, removals, any order",
    "after a crash",
    "rows and offset in one step",
    "schema checked",
    "rows published to Kafka",
    "actors, replies, queue, lists",
)
_OURS = Work("for good", "yes", "exact", "yes, a script a slot", "every record", "yes", "yes")
_FLINK = Work("for good", "yes", "exact, rows written again", "no, checkpoint a second", "no", "yes", "no")
_STREAMS = Work("for good", "yes", "exact, rows written again", "no, transaction a second", "no", "yes", "no")
_CONFLUENT = Work("while it runs", "no", "counts twice", "no", "no", "no", "no")
_FAUST = Work("while it runs", "no", "starts from nothing", "no", "no", "no", "no")


@dataclass(frozen=True)
class Engine:
    """A program to measure. `run` is given the label, the stage, the events to count and a name that no other run has;
    it raises ProgramError."""

    label: str
    run: Callable[[str, Stage, int, str], Measured]
    work: Work
    is_ours: bool = False
    is_java: bool = False
    counts_a_share: bool = False


def _workers(count: int) -> Callable[[str, Stage, int, str], Measured]:
    return lambda label, stage, _, name: run_workers(label, count, name, stage)


def _flink(program: JavaProgram, label: str, stage: Stage, events: int, _: str) -> Measured:
    command = program.command(*stage.address, str(events), str(stage.folder / "checkpoints"), str(CORES))
    return run_peer(label, command, {}, stage)


def _streams(program: JavaProgram, label: str, stage: Stage, events: int, name: str) -> Measured:
    command = program.command(*stage.address, str(events), str(stage.folder / "state"), str(CORES), name)
    try:
        return run_peer(label, command, {}, stage)
    finally:
        with KafkaAdminClient(bootstrap_servers=list(stage.settings.kafka_servers)) as admin:
            # Its changelog: the broker would clean it while the next program runs.
            admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(f"{name}-")])


#: Ratios are to this one.
OURS = "twoway worker"
ENGINES = {
    "twoway": Engine(OURS, _workers(1), _OURS, is_ours=True),
    "twoway2": Engine("2 twoway workers", _workers(2), _OURS, is_ours=True),
    "flink": Engine("Apache Flink 2.3", partial(_flink, FLINK), _FLINK, is_java=True),
    "flink-only": Engine(
        "Flink, counting only",
        partial(_flink, FLINK.counting_only()),
        replace(_FLINK, publishes="no"),
        is_java=True,
    ),
    "streams": Engine("Kafka Streams 4.3", partial(_streams, STREAMS), _STREAMS, is_java=True),
    "streams-only": Engine(
        "Streams, counting only",
        partial(_streams, STREAMS.counting_only()),
        replace(_STREAMS, publishes="no"),
        is_java=True,
    ),
    "confluent": Engine(
        "confluent-kafka by hand", lambda label, stage, events, _: run_confluent(label, stage, events), _CONFLUENT
    ),
    "faust": Engine(
        "plain Faust", lambda label, stage, events, _: run_faust(label, stage, events), _FAUST, counts_a_share=True
    ),
}
