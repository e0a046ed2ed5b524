"""Alerts after crashes, zombies and a Redis that went back in time are those of a worker that never failed.

The table, the rules, the script, Redis and Kafka are the real ones; only the log is the test's.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from kafka import KafkaConsumer, TopicPartition

from pipeline.alerting.state import decode_state
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.slots import slots_of_partition
from pipeline.store.keys import Keys
from schemas.alert import decode_alert
from schemas.interaction import Interaction
from schemas.topics import ALERTS
from tests.driver import PARTITION, PARTITIONS, RECEIVED_MS, Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.property.test_table import Redo, play
from tests.redises import open_redis

BRANDS = accounts_of(PARTITION, 2)
MINUTE_MS = 60_000
BEGIN_MS = NOON_MS - 60 * MINUTE_MS
#: An event comes at most so much later than a newer one: less than the grace, so that no closed window changes.
LATEST_MS = 15_000
GRACE_S = 20
#: Likes and comments of a minute: calm, loud, hardly anything, nothing.
MINUTES = st.sampled_from([(6, 1), (6, 1), (1, 6), (0, 1), (0, 0)])


@st.composite
def logs(draw: st.DrawFn) -> list[Interaction]:
    """Stretches of minutes of one kind on a post of each brand, a little out of order, with repeats."""
    log: list[tuple[int, Interaction]] = []
    for brand in BRANDS:
        stretches = draw(st.lists(st.tuples(MINUTES, st.integers(1, 8)), min_size=1, max_size=7))
        minutes = [counts for counts, times in stretches for _ in range(times)]
        for minute, (likes, comments) in enumerate(minutes[:55]):
            for number, kind in enumerate(["like"] * likes + ["comment"] * comments):
                time_ms = BEGIN_MS + minute * MINUTE_MS + number * 7_000
                one = make_interaction(
                    account=brand, post=f"{brand}_1", kind=kind, time_ms=time_ms, id=f"{brand}/{minute}/{number}"
                )
                log.append((time_ms + draw(st.integers(0, LATEST_MS)), one))
    arrived = [one for _, one in sorted(log, key=lambda pair: pair[0])]
    return arrived + draw(st.lists(st.sampled_from(arrived), max_size=5)) if arrived else []


def small(settings: Settings, *rules: str) -> Settings:
    """Rules that speak after a few minutes."""
    return replace(
        settings,
        key_prefix=f"x{uuid.uuid4().hex[:10]}",
        slice_events=7,
        grace_s=GRACE_S,
        alert_rules=rules,
        alert_window="1m",
        alert_baseline_windows=20,
        alert_least_windows=3,
        alert_least_sample=5,
        alert_cool_down_s=180,
        alert_shift_z=2.0,
        alert_ratioed_comments=6,
        alert_queue_comments=3,
        alert_queue_minutes=10,
        alert_queue_reply_rate=0.0,
        alert_silent_minutes=3,
    )


#: A few records, a publication, and what happens then: far more often nothing.
HAPPENINGS = st.sampled_from([*[""] * 5, "crash", "zombie", "save", "go back", "empty"])
STEPS = st.lists(st.tuples(st.integers(5, 40), HAPPENINGS), max_size=20).map(
    lambda rounds: [step for n, what in rounds for step in (("take", n), ("publish", 0), (what, 0))]
)
#: Where a publication dies that has alerts to tell: not at all, before they are sent, when they are in Kafka.
DEATHS = st.lists(st.sampled_from(["", "before", "after"]), max_size=8)


class DeathError(Exception):
    """The worker's end at a certain place."""


class DyingOutlet(Outlet):
    """The real way out to Kafka, with the worker's death at the alerts' place."""

    def __init__(self, settings: Settings, deaths: list[str]) -> None:
        super().__init__(settings)
        self.deaths = list(deaths)

    async def send(self, topic: str, *args: Any, **options: Any) -> int:
        death = self.deaths.pop(0) if topic == self.settings.topic(ALERTS.name) and self.deaths else ""
        if death == "before":
            raise DeathError
        sent = await super().send(topic, *args, **options)
        if death == "after":
            raise DeathError
        return sent


class MortalDriver(Driver):
    """A driver whose worker may die while it publishes; another one takes over."""

    async def publish(self) -> None:
        try:
            await super().publish()
        except DeathError:
            await self.open()


class Tail:
    """What is written into the partition's alerts from now on."""

    def __init__(self, settings: Settings) -> None:
        self._partition = TopicPartition(settings.topic(ALERTS.name), PARTITION)
        self._consumer: Any = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), auto_offset_reset="latest")
        self._consumer.assign([self._partition])
        self._consumer.position(self._partition)

    def read(self) -> list[tuple[str, bytes]]:
        """Key and value of each record since the last call."""
        end = self._consumer.end_offsets([self._partition])[self._partition]
        found: list[tuple[str, bytes]] = []
        while self._consumer.position(self._partition) < end:
            for records in self._consumer.poll(timeout_ms=200).values():
                found += [(record.key.decode(), record.value) for record in records]
        return found

    def close(self) -> None:
        self._consumer.close()


async def settle(driver: Driver) -> None:
    """Nothing more arrives: time passes by the clock, in steps in which everything due is looked at."""
    driver.now_ms = RECEIVED_MS + 10 * MINUTE_MS
    for _ in range(4):
        await driver.publish()


async def states(driver: Driver) -> dict[str, str]:
    """What Redis says of every rule. Nothing is left in an outbox."""
    keys, redis = Keys(driver.settings.key_prefix), driver.decoding
    found: dict[Any, Any] = {}
    for slot in slots_of_partition(PARTITION, PARTITIONS):
        assert await redis.hlen(keys.alerting[slot]) == 0
        found |= await redis.hgetall(keys.alerts[slot])
    return found


async def calmly(settings: Settings, log: list[Interaction]) -> dict[str, str]:
    """A worker that never fails, a few records at a time; gives its states."""
    redis, outlet = open_redis(settings), Outlet(settings)
    driver = Driver(settings, redis, outlet)
    try:
        driver.write(*log)
        await driver.open()
        while driver.table.progress.position < len(log):
            await driver.take(11)
            await driver.publish()
        await settle(driver)
        return await states(driver)
    finally:
        await outlet.stop()
        await redis.aclose()


async def stormily(
    settings: Settings, log: list[Interaction], steps: list[tuple[str, int]], deaths: list[str]
) -> dict[str, str]:
    """Workers that crash, wake up again and lose what Redis had; gives what stands in the end."""
    redis, outlet = open_redis(settings), DyingOutlet(settings, deaths)
    driver = MortalDriver(settings, redis, outlet)
    try:
        driver.write(*log)
        await driver.open()
        await play(driver, Redo(redis, settings.key_prefix), steps)
        await settle(driver)
        outlet.deaths.clear()
        await driver.take()
        await settle(driver)
        return await states(driver)
    finally:
        await outlet.stop()
        await redis.aclose()


@given(log=logs(), steps=STEPS, deaths=DEATHS)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_cause_has_one_alert_whatever_crashes_wakes_up_or_falls_back(
    settings: Settings, log: list[Interaction], steps: list[tuple[str, int]], deaths: list[str]
) -> None:
    """By id the topic holds what a worker that never failed gives, byte for byte, and the states are the same."""
    rules = ("ratio_shift", "ratioed", "silent")
    tail = Tail(settings)
    try:
        expected = asyncio.run(calmly(small(settings, *rules), log))
        told = tail.read()
        assert len(dict(told)) == len(told)
        assert asyncio.run(stormily(small(settings, *rules), log, steps, deaths)) == expected
        again = tail.read()
        assert dict(again) == dict(told)
        assert set(again) == set(told)
    finally:
        tail.close()


@given(log=logs(), steps=STEPS, deaths=DEATHS)
@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_alerts_about_the_queue_begin_and_end_in_turn(
    settings: Settings, log: list[Interaction], steps: list[tuple[str, int]], deaths: list[str]
) -> None:
    """The queue is judged as it is when it is looked at. Whatever happens, each cause begins once and ends once, by id,
    and what the states say stands was told."""
    tail = Tail(settings)
    try:
        found = asyncio.run(stormily(small(settings, "queue_age", "queue_growth"), log, steps, deaths))
        told = {decode_alert(value).id: decode_alert(value) for _, value in tail.read()}
        assert all(alert.cause + "-fired" in told for alert in told.values())
        standing = {alert.cause for alert in told.values()} - {a.cause for a in told.values() if a.state == "cleared"}
        assert {cause for value in found.values() for cause in fired_in(value)} <= standing
    finally:
        tail.close()


def fired_in(state: str) -> set[str]:
    """The cause that a state says stands."""
    last = decode_state(state).last
    return {last.cause} if last is not None and last.state == "fired" else set()
