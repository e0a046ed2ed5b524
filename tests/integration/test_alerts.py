"""Alerts from the log to whoever asks: Redis, the topic, HTTP, Python and the command line say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest

from pipeline.api.server import serving
from pipeline.errors import QueryError
from pipeline.local.children import Child
from pipeline.publishing.outlet import Outlet
from pipeline.reading import Client, Reader
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.alerts import read_alerts
from pipeline.store.keys import Keys
from schemas.alert import Alert, AlertState, decode_alert, encode_alert
from schemas.interaction import Interaction
from schemas.topics import ALERTS
from tests.commands import TWOWAY, environment
from tests.driver import RECEIVED_MS, Driver, accounts_of
from tests.factories import NOON_MS, make_alert, make_interaction
from tests.redises import open_redis
from tests.said import said
from tests.topics import read_topic
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.servers

BRAND, OTHER = accounts_of(0, 2)
#: Of Redis' default hash-max-listpack-entries, and a few more: a larger hash is given in any order.
MANY = 600
SLOT = slot_of("facebook", BRAND)
MINUTE_MS = 60_000
PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Rules that speak after a few minutes."""
    return replace(
        settings,
        alert_window="1m",
        alert_baseline_windows=20,
        alert_least_windows=3,
        alert_least_sample=5,
        alert_ratioed_comments=6,
        alert_queue_minutes=20,
        alert_queue_reply_rate=0.0,
        alert_silent_minutes=5,
    )


@pytest.fixture
async def driver(quick: Settings) -> AsyncIterator[Driver]:
    redis, outlet = open_redis(quick), Outlet(quick)
    made = Driver(quick, redis, outlet)
    await made.open()
    yield made
    await outlet.stop()
    await redis.aclose()


def spoken(post: int, state: AlertState) -> Alert:
    """An alert of a post, which fires and clears in the minute of its number."""
    time_ms = NOON_MS + post * MINUTE_MS
    return make_alert(
        rule="ratioed", state=state, account=BRAND, post=f"p{post}", start_ms=None, end_ms=time_ms, time_ms=time_ms,
        value=2.0, threshold=1.0, sample=60, explanation="",
    )  # fmt: skip


async def test_an_outbox_that_a_crash_left_behind_goes_out_in_its_order(quick: Settings) -> None:
    """Whoever reads `cleared` has read `fired`, also where both were said at one look."""
    keys, expected = Keys(quick.key_prefix), [spoken(post, s) for post in range(MANY) for s in ("fired", "cleared")]
    async with open_redis(quick) as redis:
        await redis.hset(keys.alerting[SLOT], mapping={alert.id: encode_alert(alert) for alert in reversed(expected)})
        found = await read_alerts(redis, keys, [SLOT])
    assert [*found[SLOT].outbox] == [alert.id for alert in expected]
    assert found[SLOT].outbox[expected[0].id] == encode_alert(expected[0])


def minute(number: int, likes: int, comments: int, account: str = BRAND) -> list[Interaction]:
    """What happens on a post in a minute; 0 is noon, -1 the one before."""
    kinds = ["like"] * likes + ["comment"] * comments
    return [
        make_interaction(
            account=account,
            post=f"{account}_1",
            kind=kind,
            id=f"{account}/{number}/{i}",
            time_ms=NOON_MS + number * MINUTE_MS + i * 100,
        )
        for i, kind in enumerate(kinds)
    ]


async def count(driver: Driver, *minutes: list[Interaction]) -> None:
    for some in minutes:
        driver.write(*some)
        await driver.take()
        await driver.publish()


async def pass_time(driver: Driver, minutes: int) -> None:
    """Nothing arrives: the clock says what time it is."""
    driver.now_ms = RECEIVED_MS + minutes * MINUTE_MS
    for _ in range(3):
        await driver.publish()


def told(settings: Settings) -> list[Alert]:
    return [decode_alert(value) for value in read_topic(settings, ALERTS)]


CALM = [minute(number, 6, 1) for number in range(-15, 0)]


async def test_a_ratio_that_shifts_is_told_of_the_account_and_the_post(driver: Driver, quick: Settings) -> None:
    """Seven of eight comment after fifteen minutes in which one of seven did."""
    await count(driver, *CALM, minute(0, 1, 7))
    await pass_time(driver, 3)
    alerts = {(alert.rule, alert.entity): alert for alert in told(quick)}
    assert set(alerts) == {("ratio_shift", "account"), ("ratio_shift", "post")}
    alert = alerts["ratio_shift", "post"]
    assert (alert.post, alert.value, alert.baseline, alert.start_ms) == (f"{BRAND}_1", 0.875, 0.142857, NOON_MS)
    assert alert.explanation == (
        "88 % of 8 interactions were comments, usual are 14 %: more talk than this post is used to."
    )


async def test_what_comes_after_a_window_has_closed_changes_rows_and_no_judgement(
    driver: Driver, quick: Settings
) -> None:
    """The minute was calm when it closed, two minutes ago; what is delivered late counts, and wakes nobody."""
    await count(driver, *CALM, minute(0, 6, 1))
    await pass_time(driver, 4)
    before = told(quick)
    late = [replace_id(one, "late") for one in minute(0, 0, 40)]
    await count(driver, late)
    await pass_time(driver, 5)
    assert [alert for alert in told(quick) if alert.rule == "ratio_shift"] == before == []
    assert await driver.differences() == []


async def test_a_post_is_ratioed_as_its_minute_closes(driver: Driver, quick: Settings) -> None:
    await count(driver, minute(0, 2, 7))
    await pass_time(driver, 2)
    (alert,) = told(quick)
    assert (alert.rule, alert.state, alert.value, alert.sample) == ("ratioed", "fired", 3.5, 9)


async def test_comments_that_come_minutes_late_ratio_a_post_within_a_minute(driver: Driver, quick: Settings) -> None:
    """The installation has stood for a while; what happened three minutes ago is delivered now."""
    await pass_time(driver, 10)
    late = minute(8, 1, 60)
    await count(driver, late[:30])
    await count(driver, late[30:])
    assert told(quick) == []
    await pass_time(driver, 11)
    (alert,) = told(quick)
    assert (alert.rule, alert.state, alert.value, alert.since_ms) == (
        "ratioed", "fired", 60.0, NOON_MS + 8 * MINUTE_MS
    )  # fmt: skip
    await pass_time(driver, 20)
    assert told(quick) == [alert]


@pytest.mark.parametrize("crash", ["before the note", "after the note"])
async def test_what_came_late_is_told_by_the_next_owner(driver: Driver, quick: Settings, crash: str) -> None:
    """A worker counted it and died, before or after it was noted that the post is to be looked at."""
    await pass_time(driver, 10)
    driver.write(*minute(8, 1, 60))
    await driver.take()
    if crash == "after the note":
        await driver.publish()
    await driver.open()
    await driver.take()
    await pass_time(driver, 12)
    assert [(alert.rule, alert.state) for alert in told(quick)] == [("ratioed", "fired")]


async def test_likes_that_come_late_and_comments_that_are_removed_take_an_alert_back(
    driver: Driver, quick: Settings
) -> None:
    """Of one post a hundred likes of the same minute follow, of the other the comments go: both clear, once each."""
    await pass_time(driver, 10)
    await count(driver, minute(8, 1, 60), minute(8, 1, 60, OTHER))
    await pass_time(driver, 12)
    assert sorted(alert.account for alert in told(quick)) == sorted([BRAND, OTHER])
    likes = [replace_id(one, "late") for one in minute(8, 100, 0)]
    gone = [
        make_interaction(account=OTHER, post=f"{OTHER}_1", kind="comment", action="remove", id=one.id,
                         time_ms=NOON_MS + 9 * MINUTE_MS)
        for one in minute(8, 0, 60, OTHER)
    ]  # fmt: skip
    await count(driver, likes, gone)
    await pass_time(driver, 14)
    cleared = [alert for alert in told(quick) if alert.state == "cleared"]
    assert sorted((alert.account, alert.sample) for alert in cleared) == sorted([(BRAND, 161), (OTHER, 1)])


async def test_a_silence_is_told_and_its_end(driver: Driver, quick: Settings) -> None:
    """Minute for minute something happened, then five minutes nothing, then a like."""
    await count(driver, *[minute(number, 7, 0) for number in range(-15, 0)])
    await pass_time(driver, 6)
    assert [(a.rule, a.state) for a in told(quick)] == [("silent", "fired")]
    await count(driver, minute(6, 1, 0))
    await pass_time(driver, 9)
    assert [(a.rule, a.state) for a in told(quick)] == [("silent", "fired"), ("silent", "cleared")]
    assert len({a.cause for a in told(quick)}) == 1


async def test_a_comment_that_waits_for_too_long_is_told_when_its_time_has_come(
    driver: Driver, quick: Settings
) -> None:
    """Twenty minutes after it was written, to the millisecond, and no other word of it."""
    question = make_interaction(account=BRAND, post=f"{BRAND}_1", kind="comment", id="q", time_ms=NOON_MS + 1_234)
    await count(driver, [question])
    await pass_time(driver, 18)
    assert told(quick) == []
    await pass_time(driver, 25)
    (alert,) = told(quick)
    assert (alert.rule, alert.time_ms, alert.value) == ("queue_age", NOON_MS + 1_234 + 20 * MINUTE_MS, 20.0)
    reply = make_interaction(
        account=BRAND, post=f"{BRAND}_1", kind="comment", id="r", parent="q", own=True, time_ms=NOON_MS + 8 * MINUTE_MS
    )
    await count(driver, [reply])
    await pass_time(driver, 30)
    assert [(a.state, a.cause) for a in told(quick)] == [("fired", alert.cause), ("cleared", alert.cause)]


async def test_nothing_is_told_where_no_rule_is_in_force(settings: Settings) -> None:
    """Nor is anything written for it."""
    silent = replace(settings, alert_rules=())
    redis, outlet = open_redis(silent), Outlet(silent)
    driver = Driver(silent, redis, outlet)
    await driver.open()
    await count(driver, minute(0, 2, 60))
    await pass_time(driver, 5)
    assert told(silent) == []
    assert [key async for key in redis.scan_iter(match=f"{silent.key_prefix}:*:watch")] == []
    await outlet.stop()
    await redis.aclose()


async def test_an_alert_that_an_owner_left_behind_is_told_by_the_next(driver: Driver, quick: Settings) -> None:
    """Written with its state, not sent: the next owner finds it in the outbox, sends it and takes it out."""
    await count(driver, minute(0, 2, 7))
    await pass_time(driver, 2)
    (value,) = read_topic(quick, ALERTS)
    keys = Keys(quick.key_prefix)
    await driver.redis.hset(keys.alerting[SLOT], decode_alert(value).id, value)
    await driver.open()
    await driver.publish()
    assert read_topic(quick, ALERTS) == [value, value]
    assert await driver.redis.exists(keys.alerting[SLOT]) == 0


async def test_every_way_of_asking_gives_the_same_alerts(driver: Driver, quick: Settings) -> None:
    """Newest first; of one account, of one platform, those that stand."""
    await count(driver, minute(0, 2, 7), minute(0, 2, 7, OTHER))
    await pass_time(driver, 2)
    async with Reader.connect(quick) as reader:
        found = await reader.alerts()
        assert (found.standing, found.known) == (2, 2)
        assert sorted(alert.account for alert in found.alerts) == sorted([BRAND, OTHER])
        assert [alert.account for alert in (await reader.alerts("facebook", BRAND, "standing")).alerts] == [BRAND]
        assert (
            (await reader.alerts("facebook", state="cleared")).alerts
            == (await reader.alerts(state="cleared")).alerts
            == []
        )
        with pytest.raises(QueryError, match="state is 'loud'; expected one of all, standing, cleared"):
            await reader.alerts(state="loud")
        with pytest.raises(QueryError, match="without a platform"):
            await reader.alerts(None, BRAND)
    with Client(quick) as numbers:
        assert numbers.alerts("facebook", BRAND).alerts == [a for a in found.alerts if a.account == BRAND]
    async with serving(quick) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        answer = (await client.get("/v1/alerts?platform=facebook&state=standing")).json()
        assert [alert["id"] for alert in answer["alerts"]] == [alert.id for alert in found.alerts]
        assert (await client.get("/v1/alerts?account=x")).status_code == 400
    lines = run(quick, "alerts", "--account", f"facebook:{BRAND}", "--json")
    assert [orjson.loads(line)["account"] for line in lines.splitlines()] == [BRAND]
    assert "2 standing, 0 cleared within a week" in run(quick, "alerts")


async def test_the_command_line_follows_new_alerts(
    driver: Driver, quick: Settings, start_child: Callable[..., Child]
) -> None:
    """What stands first, then each that comes; ids from outside cannot reach the terminal as escapes."""
    await count(driver, minute(0, 2, 7))
    await pass_time(driver, 2)
    child = start_child("alerts", [*TWOWAY, "alerts", "--follow"], environment(quick))
    wait_until(lambda: "1 standing" in said(child))
    evil = f"{OTHER}\x1b[31m"
    await count(driver, [make_interaction(account=OTHER, post=evil, kind="comment", id=f"e{i}",
                                          time_ms=driver.now_ms) for i in range(7)])  # fmt: skip
    await pass_time(driver, 5)
    assert wait_until(lambda: "fired ratioed" in said(child))
    assert "\\x1b[31m" in child.log.read_text()
    assert "\x1b" not in child.log.read_text()


async def test_what_the_page_shows_works(driver: Driver, quick: Settings) -> None:
    """docs/alerts.md: its commands, its address and its program."""
    await count(driver, minute(0, 2, 7))
    await pass_time(driver, 2)
    commands = re.findall(r"^twoway (alerts.*)$", PAGE.split("### Try it")[0], re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        assert "ratioed" in run(quick, *command.replace("facebook:1001", f"facebook:{BRAND}").split())
    (address,) = re.findall(r"http://127.0.0.1:8002(/v1/alerts[^']*)", PAGE)
    async with serving(quick) as base, httpx.AsyncClient(base_url=base, timeout=DEADLINE_S) as client:
        assert len((await client.get(address)).json()["alerts"]) == 1
    (program,) = re.findall(r"```python\n(from pipeline.*?)```", PAGE, re.DOTALL)
    line = f"fired ratioed {BRAND} 3.5 comments a like, of 9 comments and likes"
    assert execute(quick, sys.executable, "-c", program) == f"{line}: this post is talked of more than liked.\n"


def replace_id(interaction: Interaction, prefix: str) -> Interaction:
    return make_interaction(
        account=interaction.account, post=interaction.post, kind=interaction.kind, id=f"{prefix}/{interaction.id}",
        time_ms=interaction.time_ms,
    )  # fmt: skip


def run(settings: Settings, *arguments: str) -> str:
    return execute(settings, *TWOWAY, *arguments)


def execute(settings: Settings, *command: str) -> str:
    done = subprocess.run(command, env=environment(settings), capture_output=True, timeout=DEADLINE_S, check=True)
    return done.stdout.decode()
