"""`twoway notify` as a process of its own, against a receiver that fails in every way: each alert arrives, and once."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from kafka import KafkaProducer

from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.local.ports import free_ports
from pipeline.notifying.deliveries import Deliveries
from pipeline.notifying.ledger import Ledger
from pipeline.notifying.notifier import MOST_UNDER_WAY, Notifier
from pipeline.notifying.receiver import Receiver
from pipeline.settings import Secret, Settings
from pipeline.store.keys import Keys
from schemas.alert import Alert, alert_id, encode_alert
from schemas.topics import ALERTS
from tests.commands import TWOWAY, environment
from tests.factories import make_alert, make_interaction
from tests.integration.work import page_of, send
from tests.receivers import OTHER_SECRET, SECRET, FakeReceiver, receiving
from tests.redises import open_blocking
from tests.said import said
from tests.waiting import DEADLINE_S, wait_until, wait_until_async

pytestmark = pytest.mark.servers

Start = Callable[..., Child]


def fired(number: int, **changes: Any) -> Alert:
    """An alert that fired just now; `number` makes it one of its own."""
    time_ms = wall_clock()
    return make_alert(**({"start_ms": number, "since_ms": number, "end_ms": time_ms, "time_ms": time_ms} | changes))


def cleared(alert: Alert) -> Alert:
    return msgspec.structs.replace(alert, id=alert_id(alert.cause, "cleared"), state="cleared")


def publish(settings: Settings, *alerts: Alert | bytes) -> None:
    """Into one partition of the topic, acknowledged."""
    producer: Any = KafkaProducer(bootstrap_servers=list(settings.kafka_servers), acks="all")
    for alert in alerts:
        value = alert if isinstance(alert, bytes) else encode_alert(alert)
        producer.send(settings.topic(ALERTS.name), value, key=b"k", partition=0)
    producer.flush()
    producer.close()


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    with receiving(FakeReceiver(), time.time) as served:
        yield served


@pytest.fixture
def start_notify(settings: Settings, receiver: FakeReceiver, start_child: Callable[..., Child]) -> Start:
    """Starts `twoway notify` on the test's installation, in the same group each time."""

    def start(**more: str) -> Child:
        given = {
            "TWOWAY_ALERT_URL": receiver.url,
            "TWOWAY_ALERT_SECRET": SECRET,
            "TWOWAY_NOTIFY_PORT": "0",
            "TWOWAY_NOTIFY_GROUP": f"notify-{settings.group}",
        }
        return start_child("notify", [*TWOWAY, "notify"], environment(settings, **given | more))

    return start


def is_told(settings: Settings, alert: Alert) -> bool:
    with open_blocking(settings) as client:
        return bool(client.exists(Keys(settings.key_prefix).told(alert.id)))


def test_an_alert_arrives_once_and_signed(settings: Settings, receiver: FakeReceiver, start_notify: Start) -> None:
    """Also where the topic holds it twice, and beside what is no alert."""
    first, second = fired(1), fired(2)
    publish(settings, first, b"{no alert", first, second)
    start_notify()
    wait_until(lambda: set(receiver.taken) == {first.id, second.id} and is_told(settings, second))
    assert sorted(receiver.taken) == sorted([first.id, second.id])
    assert all(one.signed for one in receiver.got)
    assert receiver.got[0].body["type"] == "engagement.alert.fired"
    assert receiver.got[0].body["data"]["explanation"] == "A comment has waited."


def test_what_is_not_taken_comes_again_until_it_is(
    settings: Settings, receiver: FakeReceiver, start_notify: Start
) -> None:
    """Errors, a wish to wait, a redirect elsewhere: the same id each time, and the other alert is not held up."""
    stubborn, easy = fired(1), fired(2)
    statuses = iter([503, 302, 429, 400])
    receiver.headers = {"retry-after": "0", "location": "http://127.0.0.1:9/elsewhere"}
    receiver.answer = lambda _, alert_id: next(statuses, 200) if alert_id == stubborn.id else 200
    publish(settings, stubborn, easy)
    start_notify()
    wait_until(lambda: set(receiver.taken) == {stubborn.id, easy.id}, deadline_s=90)
    assert [one.answered for one in receiver.got if one.id == stubborn.id] == [503, 302, 429, 400, 200]
    assert [one.answered for one in receiver.got if one.id == easy.id] == [200]


def test_an_alert_that_is_refused_holds_up_no_other(
    settings: Settings, receiver: FakeReceiver, start_notify: Start
) -> None:
    """Not even after more others than may be under way at once: what is delivered behind it does not count."""
    refused, others = fired(0), [fired(number) for number in range(1, 2 * MOST_UNDER_WAY)]
    receiver.answer = lambda _, alert_id: 400 if alert_id == refused.id else 200
    publish(settings, refused, *others)
    start_notify()
    wait_until(lambda: set(receiver.taken) == {alert.id for alert in others})


async def test_what_is_delivered_behind_one_that_is_refused_is_remembered_up_to_a_limit(
    settings: Settings, receiver: FakeReceiver
) -> None:
    """Of ten that may be remembered nine are delivered behind it; the others once it is taken, each once."""
    refused, others = fired(0), [fired(number) for number in range(1, 30)]
    is_up = {"yet": False}
    receiver.headers = {"retry-after": "0"}
    receiver.answer = lambda _, alert_id: 200 if alert_id != refused.id or is_up["yet"] else 400
    publish(settings, refused, *others)
    here = replace(
        settings, alert_url=Secret(receiver.url), alert_secret=Secret(SECRET), notify_group=f"notify-{settings.group}"
    )
    client, ledger = Receiver(here, wall_clock), Ledger(here)
    running = asyncio.create_task(Notifier(here, Deliveries(client, ledger, 86_400_000, wall_clock), 10).run())
    await wait_until_async(lambda: len(receiver.taken) == 9)
    tries = len(receiver.got)
    await wait_until_async(lambda: len(receiver.got) >= tries + 1)
    assert len(receiver.taken) == 9
    is_up["yet"] = True
    await wait_until_async(lambda: len(receiver.taken) == 30)
    running.cancel()
    await asyncio.wait([running])
    await client.close()
    await ledger.close()
    assert len(set(receiver.taken)) == 30


def test_killed_while_the_receiver_fails_it_delivers_after_its_return(
    settings: Settings, receiver: FakeReceiver, start_notify: Start
) -> None:
    """What was under way was not committed; what was delivered is not delivered again."""
    done, waiting = fired(1), fired(2)
    is_up = {"yet": False}
    receiver.answer = lambda _, alert_id: 200 if alert_id == done.id or is_up["yet"] else 503
    publish(settings, done, waiting)
    first = start_notify()
    wait_until(lambda: is_told(settings, done) and any(one.id == waiting.id for one in receiver.got))
    first.kill()
    is_up["yet"] = True
    start_notify()
    wait_until(lambda: waiting.id in receiver.taken)
    assert receiver.taken == [done.id, waiting.id]


def test_killed_at_every_moment_an_alert_is_taken_once_by_its_id(
    settings: Settings, receiver: FakeReceiver, start_notify: Start
) -> None:
    """Killed as soon as anything arrives: between the answer and the ledger an alert may come again, never be lost."""
    alerts = [fired(number) for number in range(12)]
    publish(settings, *alerts)
    for _ in range(3):
        seen = len(receiver.got)
        child = start_notify()
        wait_until(lambda seen=seen: len(receiver.got) > seen or set(receiver.taken) >= {a.id for a in alerts})  # type: ignore[misc]
        child.kill()
    start_notify()
    wait_until(lambda: all(is_told(settings, alert) for alert in alerts))
    assert set(receiver.taken) == {alert.id for alert in alerts}
    assert len({(one.id, str(one.body)) for one in receiver.got}) == len(alerts)


def test_the_end_of_a_cause_waits_for_its_beginning(
    settings: Settings, receiver: FakeReceiver, start_notify: Start
) -> None:
    """Whoever reads `cleared` has read `fired`."""
    alert = fired(1)
    receiver.answer = lambda number, alert_id: 503 if number < 2 else 200
    publish(settings, alert, cleared(alert))
    start_notify()
    wait_until(lambda: len(receiver.taken) == 2)
    assert receiver.taken == [alert.id, cleared(alert).id]


def asked(url: str) -> httpx.Response:
    return httpx.get(url, timeout=DEADLINE_S)


def test_a_receiver_that_is_gone_is_left_alone(settings: Settings, receiver: FakeReceiver, start_notify: Start) -> None:
    """410: one request, no other, and /readyz says whose fault it is."""
    receiver.answer = lambda number, alert_id: 410
    (port,) = free_ports(1)
    child = start_notify(TWOWAY_NOTIFY_PORT=str(port))
    publish(settings, fired(1))
    wait_until(lambda: receiver.got)
    publish(settings, fired(2))
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: 'twoway_notify_alerts_total{outcome="gone"} 2.0' in asked(f"{address}/metrics").text)
    assert len(receiver.got) == 1
    assert asked(f"{address}/readyz").json() == {
        "kafka": True,
        "redis": True,
        "receiver": False,
    }
    assert "answers 410" in said(child)


def test_an_old_alert_is_given_up(settings: Settings, receiver: FakeReceiver, start_notify: Start) -> None:
    """A topic that is told anew (an emptied Redis) does not wake anybody for last week."""
    old, new = fired(1, time_ms=wall_clock() - 25 * 3_600_000), fired(2)
    publish(settings, old, new)
    start_notify()
    wait_until(lambda: receiver.taken)
    assert receiver.taken == [new.id]


def test_both_keys_sign_while_one_is_being_replaced(
    settings: Settings, receiver: FakeReceiver, start_notify: Start
) -> None:
    publish(settings, fired(1))
    start_notify(TWOWAY_ALERT_SECRET=f"{OTHER_SECRET},{SECRET}")
    wait_until(lambda: receiver.taken)
    assert receiver.got[0].signed


async def test_from_interactions_to_the_receiver_with_workers_killed_on_the_way(
    settings: Settings, receiver: FakeReceiver, start_notify: Start, start_child: Callable[..., Child]
) -> None:
    """Sixty people comment and nobody likes: one alert, though two workers die before a third may live."""
    quick = {"TWOWAY_ALERT_RULES": "ratioed", "TWOWAY_GRACE_S": "0", "TWOWAY_PUBLISH_S": "0.2"}
    minute_ago_ms = wall_clock() - 60_000
    comments = [make_interaction(kind="comment", actor=f"u{i}", time_ms=minute_ago_ms) for i in range(60)]
    start_notify()
    await send(settings, comments)
    for _ in range(2):
        worker = start_child("worker", [*TWOWAY, "worker"], environment(settings, **quick))
        await asyncio.to_thread(wait_until, lambda: page_of(settings, "a1", "p1"))
        worker.kill()
    start_child("worker", [*TWOWAY, "worker"], environment(settings, **quick))
    (got,) = await asyncio.to_thread(wait_until, lambda: receiver.got)
    assert (got.body["data"]["rule"], got.body["data"]["post"], got.body["data"]["sample"]) == ("ratioed", "p1", 60)
    assert got.signed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "TWOWAY_ALERT_URL is not set; expected the address that takes alerts"),
        ({"TWOWAY_ALERT_URL": "hooks.example/very-secret"}, "TWOWAY_ALERT_URL is set, but is no address"),
        (
            {"TWOWAY_ALERT_URL": "https://hooks.example/T0/very-secret"},
            "TWOWAY_ALERT_SECRET is not set; expected",
        ),
        (
            {"TWOWAY_ALERT_URL": "https://hooks.example/", "TWOWAY_ALERT_SECRET": "whsec_very secret!"},
            "TWOWAY_ALERT_SECRET is set, but is no base64",
        ),
    ],
    ids=["no address", "another address", "no key", "no base64"],
)
def test_it_refuses_to_start_without_address_and_key_and_shows_neither(
    settings: Settings, given: dict[str, str], said: str
) -> None:
    env = environment(settings, **given)
    done = subprocess.run([*TWOWAY, "notify"], env=env, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 1
    assert said in done.stderr.decode()
    assert "docs/alerts.md" in done.stderr.decode()
    assert b"very" not in done.stderr


def test_the_pages_receiver_finds_the_signature_right(
    settings: Settings, start_notify: Start, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """docs/alerts.md: what somebody writes who has only the page, while keys are rotated."""
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(import base64.*?)```", page, re.DOTALL)
    (tmp_path / "receiver.py").write_text(program, encoding="utf-8")
    (port,) = free_ports(1)
    command = [sys.executable, str(tmp_path / "receiver.py"), str(port)]
    receiver = start_child("receiver", command, {"TWOWAY_ALERT_SECRET": SECRET})
    publish(settings, fired(1))
    start_notify(TWOWAY_ALERT_URL=f"http://127.0.0.1:{port}/", TWOWAY_ALERT_SECRET=f"{SECRET},{OTHER_SECRET}")
    wait_until(lambda: f"signed {fired(1).id}" in receiver.log.read_text())
    wait_until(lambda: is_told(settings, fired(1)))
    assert "forged" not in receiver.log.read_text()
