"""The contest of engines on real servers: one that fails does not take the figures of the others with it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from rich.console import Console

from bench.contest import Contest
from bench.engine import Stage, run_peer
from bench.engines import run_all
from bench.events import fill
from bench.measured import Measured
from bench.roster import ENGINES, OURS, Engine
from pipeline.local.kafka import KafkaServer
from pipeline.local.redis import RedisServer
from pipeline.settings import Secret, Settings
from pipeline.topic_admin import create_topics

pytestmark = [pytest.mark.servers, pytest.mark.prove]

EVENTS = 60_000


@pytest.fixture
def stage(own_kafka: KafkaServer, own_redis: RedisServer, tmp_path: Path) -> Stage:
    """Servers of this test's own, full of interactions."""
    settings = Settings(kafka_servers=(own_kafka.servers,), redis_url=Secret(own_redis.url))
    create_topics(settings)
    fill(settings, EVENTS)
    assert own_kafka.pid
    assert own_redis.pid
    client = redis.Redis.from_url(own_redis.url)
    return Stage(settings, client, own_kafka.pid, own_redis.pid, tmp_path, 120)


def _contest(stage: Stage, engines: dict[str, Engine], runs: int) -> Contest:
    contest = Contest(OURS)
    arguments = argparse.Namespace(events=EVENTS, faust_events=EVENTS, runs=runs)
    run_all(contest, stage, engines, arguments, Console(quiet=True))
    return contest


def _peer(code: str) -> Engine:
    def run(label: str, stage: Stage, _: int, __: str) -> Measured:
        return run_peer(label, [sys.executable, "-c", code], {}, stage)

    return replace(ENGINES["confluent"], label="another", run=run)


@pytest.mark.parametrize(
    "code, reason",
    [
        ("raise ValueError('its topic is gone')", "another ended with exit code 1: ValueError: its topic is gone"),
        ("print('ready')", "another ended without an outcome; expected one line of JSON at last"),
    ],
)
def test_a_program_that_fails_is_left_out_of_the_next_turns_and_the_others_go_on(
    code: str, reason: str, stage: Stage
) -> None:
    """Its reason is told once; the other one has all its runs, every row of them right."""
    contest = _contest(stage, {"another": _peer(code), "confluent": ENGINES["confluent"]}, runs=2)
    assert [(failure.number, failure.reason) for failure in contest.failures] == [(1, reason)]
    assert [run.program for run in contest.runs] == [ENGINES["confluent"].label] * 2
    assert all(run.rows > 10_000 and not run.rows_different for run in contest.runs)
    assert not contest.is_well


def test_our_worker_and_a_peer_are_measured_in_the_same_contest(stage: Stage) -> None:
    """Every figure is there, every row right, and nothing of the first run is left for the second."""
    contest = _contest(stage, {name: ENGINES[name] for name in ("twoway", "confluent")}, runs=1)
    assert contest.is_well, contest.failures
    figures = contest.as_dict()
    for name in ("events_per_s", "events_per_all_cpu_s", "cpu_seconds_per_million", "rss_mib"):
        assert figures[ENGINES["confluent"].label][name]["ratio"] > 0
