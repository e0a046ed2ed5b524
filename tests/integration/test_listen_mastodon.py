"""The listener of Mastodon against an instance of the test's own, on a real Kafka and a real Redis: no gap."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.errors import SettingsError
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.listening.server import Wanted, listening
from pipeline.local.children import Child
from pipeline.settings import Settings
from pipeline.store.keys import Keys
from tests.commands import environment
from tests.gateways import PATIENT_MS, interactions, patient_directory
from tests.networks import notification
from tests.redises import open_redis
from tests.streams import TOKEN, Mastodon, mastodon
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = pytest.mark.servers

POST = "103186046267791694"
LONG_AGO = "2026-07-24T10:07:18.903Z"


def connection(url: str, token: str = TOKEN) -> str:
    return f"""
[connections.brand]
platform = "mastodon"
url = "{url}"
secrets = ["{token}"]
accounts = ["14715"]
"""


@asynccontextmanager
async def listener(settings: Settings, folder: Path, toml: str) -> AsyncIterator[httpx.AsyncClient]:
    """A listener in this process; gives a client for its health and metrics."""
    (folder / "connections.toml").write_text(toml)
    file = str(folder / "connections.toml")
    settings = replace(settings, connections_file=file, listener_port=0, produce_timeout_ms=PATIENT_MS)
    with patient_directory():
        async with (
            listening(settings, Wanted("mastodon")) as (address, _),
            httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client,
        ):
            yield client


def likes(settings: Settings, *numbers: int) -> set[str]:
    """The ids of the likes that these notifications tell of."""
    hashed = keyed_pseudonym(settings.actor_key)
    return {f"{POST}/{hashed('mastodon', str(500_000 + number))}" for number in numbers}


async def all_liked(settings: Settings, *numbers: int) -> None:
    """Wait until the topic holds exactly these likes."""
    expected = likes(settings, *numbers)
    await wait_until_async(lambda: asyncio.to_thread(lambda: {i.id for i in interactions(settings)} == expected))


async def cursor(settings: Settings) -> dict[str, str]:
    """The cursor as it stands in Redis."""
    async with open_redis(settings, decode=True) as client:
        return dict(await client.hgetall(Keys(settings.key_prefix).cursor("mastodon", "brand")))


async def stands_at(settings: Settings, notification_id: str) -> None:
    """Wait until the cursor is there."""

    async def stands() -> bool:
        return (await cursor(settings)).get("notification") == notification_id

    await wait_until_async(stands)


async def connected(server: Mastodon, times: int = 1) -> None:
    """Wait until the stream was opened so often, and the lists were read after that."""
    await wait_until_async(lambda: server.connected >= times and server.open)


async def counts(client: httpx.AsyncClient, name: str) -> bool:
    """Whether a metric is there and not zero."""
    lines = (await client.get("/metrics")).text.splitlines()
    return any(line.startswith(name) and float(line.split()[-1]) > 0 for line in lines)


async def test_a_listener_that_is_killed_leaves_no_gap(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    """What came before, between and after two kills is in the topic, though the stream repeats nothing: the lists do.
    Ninety-five more while nobody listens are more than one page."""
    async with mastodon(notifications=[notification(0, LONG_AGO)]) as server:
        (tmp_path / "connections.toml").write_text(connection(server.url))
        file = str(tmp_path / "connections.toml")
        env = environment(settings, TWOWAY_CONNECTIONS_FILE=file, TWOWAY_LISTENER_PORT="0")
        command = [sys.executable, "-m", "pipeline", "listen", "mastodon"]
        child = start_child("listener", command, env)
        await stands_at(settings, "34000000")
        for number in range(1, 11):
            await server.notify(notification(number, LONG_AGO))
        await all_liked(settings, *range(1, 11))
        child.kill()
        for number in range(11, 106):
            await server.notify(notification(number, LONG_AGO))
        child = start_child("listener", command, env)
        await connected(server, 2)
        await server.notify(notification(106, LONG_AGO))
        child.kill()
        await server.notify(notification(107, LONG_AGO))
        start_child("listener", command, env)
        await all_liked(settings, *range(1, 108))
        await stands_at(settings, "34000107")


async def test_a_notification_that_the_stream_loses_is_found_in_the_list(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream is for speed; only the list moves the cursor, and what both bring is handed over once."""
    monkeypatch.setattr("pipeline.listening.mastodon.CHECK_S", 0.5)
    monkeypatch.setattr("pipeline.listening.mastodon.FIRST_CHECK_S", 0.5)
    async with mastodon() as server, listener(settings, tmp_path, connection(server.url)):
        await stands_at(settings, "0")
        await server.notify(notification(1, LONG_AGO))
        await server.notify(notification(2, LONG_AGO), lost=True)
        await server.notify(notification(3, LONG_AGO))
        await all_liked(settings, 1, 2, 3)
        await stands_at(settings, "34000003")
        assert len(interactions(settings)) == 3


async def test_the_cursor_stays_behind_what_has_just_happened(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the last minute a smaller id may still appear: such a one is found too."""
    monkeypatch.setattr("pipeline.listening.mastodon.CHECK_S", 0.2)
    monkeypatch.setattr("pipeline.listening.mastodon.FIRST_CHECK_S", 0.2)
    now = (datetime.now(UTC) + timedelta(seconds=DEADLINE_S)).isoformat()
    async with mastodon() as server, listener(settings, tmp_path, connection(server.url)):
        await stands_at(settings, "0")
        await server.notify(notification(1, LONG_AGO), lost=True)
        await server.notify(notification(4, now), lost=True)
        await all_liked(settings, 1, 4)
        server.notifications.insert(1, notification(3, now))
        await all_liked(settings, 1, 3, 4)
        assert (await cursor(settings))["notification"] == "34000001"


async def test_the_brands_posts_replies_and_removals_are_followed(settings: Settings, tmp_path: Path) -> None:
    """A post in the stream, a reply to it and its removal; what others write at home is passed over."""
    own = json.loads(json.dumps(notification(0, LONG_AGO)["status"]))
    fan = {**own["account"], "id": "971724", "username": "fan"}
    reply = {**own, "id": "103186126728896492", "in_reply_to_id": POST, "in_reply_to_account_id": "14715"}
    foreign = {**own, "id": "103186126728899999", "account": fan}
    mention = {"id": "34000001", "type": "mention", "created_at": LONG_AGO, "account": fan}
    async with mastodon() as server, listener(settings, tmp_path, connection(server.url)) as client:
        await stands_at(settings, "0")
        await server.publish(own)
        await server.stream("update", foreign)
        await server.notify({**mention, "status": {**reply, "account": fan}})
        await server.stream("delete", "103186126728899999")
        await server.stream("delete", "103186126728896492")
        await wait_until_async(lambda: asyncio.to_thread(lambda: len(interactions(settings)) == 3))
        assert await counts(client, 'twoway_listener_frames_total{outcome="passed_over",platform="mastodon"}')
    found = [(i.id, i.kind, i.action, i.own) for i in interactions(settings)]
    assert sorted(found, key=lambda told: told[1:]) == [
        ("103186126728896492", "comment", "add", False),
        ("103186126728896492", "comment", "remove", False),
        (POST, "post", "add", True),
    ]


async def test_an_instance_that_asks_to_wait_is_waited_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 with Retry-After: the cursor stays, and what the list holds comes later."""
    monkeypatch.setattr("pipeline.listening.mastodon.CHECK_S", 0.2)
    monkeypatch.setattr("pipeline.listening.mastodon.FIRST_CHECK_S", 0.2)
    async with mastodon() as server, listener(settings, tmp_path, connection(server.url)) as client:
        await stands_at(settings, "0")
        server.limited = 2
        await server.notify(notification(1, LONG_AGO), lost=True)
        await wait_until_async(lambda: counts(client, 'twoway_listener_losses_total{cause="refused"'))
        await all_liked(settings, 1)
        assert server.connected == 1


async def test_a_wrong_token_is_said_and_one_that_is_put_right_works_without_a_restart(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The token itself is in no line."""
    async with mastodon() as server, listener(settings, tmp_path, connection(server.url, "wrong-one")) as client:
        await wait_until_async(lambda: counts(client, 'twoway_listener_losses_total{cause="unauthorised"'))
        assert (await client.get("/readyz")).json()["stream"] is False
        (tmp_path / "connections.toml").write_text(connection(server.url))
        await stands_at(settings, "0")
    assert "HTTP 401" in caplog.text
    assert "wrong-one" not in caplog.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"https://m.example": "http://m.example"}, "url is 'http://m.example'"),
        ({'accounts = ["14715"]': 'accounts = ["14715", "14716"]'}, "expected one"),
        ({"https://m.example": ""}, "expected the instance"),
    ],
)
async def test_a_connection_that_cannot_be_listened_to_is_refused_at_the_start(
    settings: Settings, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    """A token goes nowhere unencrypted, and reads one account."""
    toml: Any = connection("https://m.example")
    for old, new in change.items():
        toml = toml.replace(old, new)
    with pytest.raises(SettingsError, match=said):
        async with listener(settings, tmp_path, toml):
            pass
