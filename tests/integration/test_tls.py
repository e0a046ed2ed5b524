"""TLS and users on the way to Kafka and Redis, on real servers; what is wrong is said, and no secret with it.

The packaged Redis is built without TLS: a relay of the standard library speaks it before the real server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline import topic_admin
from pipeline.access import refusals
from pipeline.access.kafka import kafka_security
from pipeline.access.redis import why_redis
from pipeline.access.refusals import check_access
from pipeline.api.hub import Hub
from pipeline.clock import wall_clock
from pipeline.errors import SettingsError, UnavailableError
from pipeline.gateway.producer import close_producer, producer_opener
from pipeline.local.children import Child
from pipeline.logs import OURS
from pipeline.reading import Reader
from pipeline.reading.updates import Wanted
from pipeline.scan import open_scan
from pipeline.settings import Secret, Settings
from pipeline.store.connect import connect_redis
from pipeline.subscribe import subscribe
from pipeline.topic_admin import check_topics
from schemas.topics import INTERACTIONS
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.factories import make_interaction
from tests.integration.work import proven, send
from tests.secured import PASSWORD, REDIS_PASSWORD, USER, Secured
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def patient_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server refuses is waited for as long as this machine takes to say it."""
    monkeypatch.setattr(refusals, "TIMEOUT_S", DEADLINE_S)


WRONG = "wrong-horse-4711"


def _often(*cases: str, seldom: Sequence[str]) -> list[Any]:
    """Cases of a test; the seldom ones are tried by `make prove` only."""
    return [*cases, *(pytest.param(case, marks=pytest.mark.prove) for case in seldom)]


@pytest.fixture
def settings(secured: Secured) -> Settings:
    """An installation of this test's own, by way of TLS, SCRAM and a password."""
    open_one = new_installation((secured.kafka.servers,), f"redis://:{REDIS_PASSWORD}@localhost:{secured.redis.port}/0")
    return replace(
        open_one,
        kafka_servers=(f"localhost:{secured.kafka.sasl_port}",),
        kafka_tls=True,
        kafka_ca_file=str(secured.ours.file),
        kafka_sasl="scram-sha-512",
        kafka_username=USER,
        kafka_password=Secret(PASSWORD),
        redis_url=Secret(f"rediss://localhost:{secured.redis_tls}/0"),
        redis_password=Secret(REDIS_PASSWORD),
        redis_ca_file=str(secured.ours.file),
    )


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that is logged at TWOWAY_LOG_LEVEL=debug, where libraries may report errors only: aiokafka's own debug lines
    hold the bytes of PLAIN, the password among them."""
    caplog.set_level(logging.ERROR)
    caplog.set_level(logging.DEBUG, OURS)
    return caplog


@pytest.mark.prove  # test_least_privilege.py goes the same way with a user of each role
async def test_interactions_are_counted_read_and_subscribed_to_by_way_of_tls(
    settings: Settings, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """Every client of ours: producers, the worker's consumer, readers, the stream, a subscription, the proof."""
    check_access(settings)
    hub = Hub(settings)
    start_child("worker", [*TWOWAY, "worker"], environment(settings, **_secured_environment(settings, tmp_path)))
    async with hub.listen(Wanted(windows=frozenset({"all"}))) as box:
        await send(settings, [make_interaction(time_ms=wall_clock())])
        await proven(settings, 1)
        assert b'"likes":1' in b"".join(await box.take(20))
    await hub.stop()
    async with Reader.connect(settings) as reader:
        assert (await reader.account("facebook", "a1")).likes == 1
    assert await asyncio.to_thread(_first_update, settings) == 1
    await close_producer(await producer_opener(settings)())


@pytest.mark.parametrize("mechanism", _often("plain", "scram-sha-256", seldom=("scram-sha-512",)))
async def test_each_mechanism_proves_the_user(settings: Settings, mechanism: str) -> None:
    """For both of our clients of Kafka."""
    named = replace(settings, kafka_sasl=mechanism)
    assert INTERACTIONS.name in await asyncio.to_thread(check_topics, named)
    async with open_scan(named, INTERACTIONS.name) as scan:
        assert sum((await scan.ends()).values()) == 0


@pytest.mark.parametrize("password", _often("of the key", seldom=("",)))
async def test_a_certificate_of_ours_opens_where_one_is_asked_for(
    settings: Settings, secured: Secured, password: str
) -> None:
    """Also when its key is under a password."""
    files = secured.ours.issue("client", password)
    mine = _with_certificate(settings, secured, files, password)
    check_access(mine)
    assert INTERACTIONS.name in await asyncio.to_thread(check_topics, mine)
    async with open_scan(mine, INTERACTIONS.name) as scan:
        assert await scan.ends()
    async with Reader.connect(mine) as reader:
        await reader.ping()


#: What is wrong, and what is said of it.
KAFKA_REFUSALS = {
    "authority": "certificate is not trusted (unable to get local issuer certificate); expected it to come from an "
    "authority of TWOWAY_KAFKA_CA_FILE",
    "host": "certificate is not valid for '127.0.0.1'; expected the name in TWOWAY_KAFKA_SERVERS to be one that",
    "password": "refused user 'alice'; expected TWOWAY_KAFKA_USERNAME and TWOWAY_KAFKA_PASSWORD to be known there",
    "plain password": "refused user 'alice'; expected TWOWAY_KAFKA_USERNAME and TWOWAY_KAFKA_PASSWORD",
    "no such mechanism": "does not take TWOWAY_KAFKA_SASL 'plain'; expected one that its listener has",
}


@pytest.mark.parametrize(
    "wrong", _often("authority", "host", "password", seldom=("plain password", "no such mechanism"))
)
async def test_what_kafka_refuses_is_said_at_once_and_without_a_secret(
    settings: Settings, secured: Secured, wrong: str, log: pytest.LogCaptureFixture
) -> None:
    """At the start of a role, by the clients of commands, and in no log line of ours or of a library."""
    changed = _wrong_kafka(settings, secured, wrong)
    said = []
    with pytest.raises(SettingsError) as caught:
        check_access(changed)
    said.append(str(caught.value))
    with pytest.raises(UnavailableError) as waiting:
        await asyncio.to_thread(check_topics, changed)
    said.append(str(waiting.value))
    with pytest.raises(UnavailableError) as scanning:
        async with open_scan(changed, INTERACTIONS.name):
            pass
    said.append(str(scanning.value))
    assert [KAFKA_REFUSALS[wrong] in text for text in said] == [True] * 3, said
    assert WRONG not in log.text + "".join(said)


@pytest.mark.parametrize("missing", _often("TLS", seldom=("SASL", "certificate")))
async def test_a_connection_closed_without_a_word_names_what_may_be_missing(
    settings: Settings, secured: Secured, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka says nothing to who does not speak TLS, name a user or show a certificate. It ends no role: a broker that
    starts says nothing either."""
    monkeypatch.setattr(topic_admin, "TIMEOUT_MS", 500)
    bare = replace(settings, kafka_sasl="none", kafka_username="", kafka_password=Secret(""))
    changed = {
        "TLS": replace(bare, kafka_tls=False, kafka_ca_file=""),
        "SASL": bare,
        "certificate": replace(bare, kafka_servers=(f"localhost:{secured.kafka.mutual_port}",)),
    }[missing]
    check_access(changed)
    with pytest.raises(UnavailableError, match="closes the connection without an answer; expected TWOWAY_KAFKA_TLS"):
        await asyncio.to_thread(check_topics, changed)


REDIS_REFUSALS = {
    "authority": "certificate is not trusted (unable to get local issuer certificate); expected it to come from an "
    "authority of TWOWAY_REDIS_CA_FILE",
    "host": "certificate is not valid for '127.0.0.1'; expected the name in TWOWAY_REDIS_URL to be one that",
    "password": "refused the user or the password; expected those of TWOWAY_REDIS_URL, or of TWOWAY_REDIS_USERNAME",
    "user": "refused the user or the password",
    "no password": "refused the user or the password",
}


@pytest.mark.parametrize("wrong", _often("authority", "host", "password", seldom=("user", "no password")))
async def test_what_redis_refuses_is_said_at_once_and_without_a_secret(
    settings: Settings, secured: Secured, wrong: str, log: pytest.LogCaptureFixture
) -> None:
    """At the start of a role, and by whoever asks."""
    changed = _wrong_redis(settings, secured, wrong)
    with pytest.raises(SettingsError) as caught:
        check_access(changed)
    async with Reader.connect(changed) as reader:
        with pytest.raises(UnavailableError) as asked:
            await reader.account("facebook", "a1")
    said = [str(caught.value), str(asked.value)]
    assert [REDIS_REFUSALS[wrong] in text for text in said] == [True] * 2, said
    assert WRONG not in log.text + "".join(said)
    assert REDIS_PASSWORD not in log.text + "".join(said)


async def test_who_is_away_is_no_refusal(settings: Settings) -> None:
    """A role starts and waits; only what waiting does not mend ends it."""
    check_access(replace(settings, kafka_servers=("localhost:1",), redis_url=Secret("rediss://localhost:1/0")))
    client = connect_redis(replace(settings, redis_url=Secret("rediss://localhost:1/0")), timeout_s=1)
    with pytest.raises(redis.ConnectionError) as caught:
        await client.ping()
    assert why_redis(caught.value) == "ConnectionError"
    await client.aclose()


async def test_a_role_that_is_refused_ends_with_one_line(
    settings: Settings, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """Exit code 1, what is wrong, no secret, no stack trace."""
    variables = _secured_environment(replace(settings, kafka_password=Secret(WRONG)), tmp_path)
    role = start_child("worker", [*TWOWAY, "worker"], environment(settings, **variables))
    wait_until(lambda: role.exit_code is not None)
    (line,) = role.log.read_text().splitlines()
    assert role.exit_code == 1
    assert line.startswith("twoway: Kafka at localhost:")
    assert "refused user 'alice'" in line
    assert WRONG not in line


def _wrong_kafka(settings: Settings, secured: Secured, wrong: str) -> Settings:
    port = secured.kafka.sasl_port
    return {
        "authority": replace(settings, kafka_ca_file=str(secured.theirs.file)),
        "host": replace(settings, kafka_servers=(f"127.0.0.1:{port}",)),
        "password": replace(settings, kafka_password=Secret(WRONG)),
        "plain password": replace(settings, kafka_sasl="plain", kafka_password=Secret(WRONG)),
        "no such mechanism": replace(
            settings,
            kafka_sasl="plain",
            kafka_password=Secret(WRONG),
            kafka_servers=(f"localhost:{secured.kafka.tls_port}",),
        ),
    }[wrong]


def _wrong_redis(settings: Settings, secured: Secured, wrong: str) -> Settings:
    return {
        "authority": replace(settings, redis_ca_file=str(secured.theirs.file)),
        "host": replace(settings, redis_url=Secret(f"rediss://127.0.0.1:{secured.redis_tls}/0")),
        "password": replace(settings, redis_password=Secret(WRONG)),
        "user": replace(settings, redis_username="mallory", redis_password=Secret(WRONG)),
        "no password": replace(settings, redis_password=Secret("")),
    }[wrong]


def _with_certificate(settings: Settings, secured: Secured, files: tuple[Path, Path], password: str) -> Settings:
    certificate, key = map(str, files)
    return replace(
        settings,
        kafka_servers=(f"localhost:{secured.kafka.mutual_port}",),
        kafka_sasl="none",
        kafka_username="",
        kafka_password=Secret(""),
        kafka_cert_file=certificate,
        kafka_key_file=key,
        kafka_key_password=Secret(password),
        redis_url=Secret(f"rediss://localhost:{secured.redis_mutual}/0"),
        redis_cert_file=certificate,
        redis_key_file=key,
        redis_key_password=Secret(password),
    )


def _secured_environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The settings of security as variables: secrets by files, as in production."""
    variables = {}
    for field in fields(settings):
        value: Any = getattr(settings, field.name)
        if not field.name.startswith(("kafka_", "redis_")) or field.name in {"kafka_servers", "redis_url"}:
            continue
        if not isinstance(value, Secret):
            variables[f"TWOWAY_{field.name.upper()}"] = str(value)
        elif value:
            file = folder / field.name
            file.write_text(value.reveal() + "\n")
            variables[f"TWOWAY_{field.name.upper()}_FILE"] = str(file)
    return variables


def _first_update(settings: Settings) -> int:
    options: dict[str, Any] = {"start": "beginning", "idle_s": 10, "security": kafka_security(settings)}
    with subscribe(settings.kafka_servers, topic_prefix=settings.topic_prefix, **options) as updates:
        return next(updates).likes
