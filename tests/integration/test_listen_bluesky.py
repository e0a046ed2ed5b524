"""The listener of Bluesky against a server of recorded frames, a real Kafka and a real Redis: nothing is left out."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pipeline.errors import SettingsError
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.listening.server import Wanted, listening
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.settings import Settings
from pipeline.store.keys import Keys
from schemas.erasure import decode_erasure
from schemas.topics import ERASED
from tests.commands import environment
from tests.conftest import new_installation
from tests.gateways import PATIENT_MS, interactions, patient_directory, records, rejected
from tests.networks import BRAND, Network, Told, network, told
from tests.redises import open_blocking, open_redis
from tests.streams import PATH_2, jetstream
from tests.waiting import DEADLINE_S, wait_until, wait_until_async

pytestmark = pytest.mark.servers

FRAMES = 2_000
CONNECTIONS = f"""
[connections.brand]
platform = "bluesky"
accounts = ["{BRAND}"]
"""


def lately(frames: int = FRAMES) -> Network:
    """A network whose frames are some minutes old."""
    return network(time.time_ns() // 1000 - 300_000_000, frames)


def counted(settings: Settings) -> list[Told]:
    """What is in the topic, repeats included."""
    return [(i.id, i.kind, i.action) for i in interactions(settings)]


async def all_counted(settings: Settings, expected: set[Told]) -> None:
    """Wait until the topic holds exactly this."""
    await wait_until_async(lambda: asyncio.to_thread(lambda: set(counted(settings)) == expected))


@asynccontextmanager
async def listener(
    settings: Settings, folder: Path, url: str, produce_timeout_ms: int = PATIENT_MS
) -> AsyncIterator[httpx.AsyncClient]:
    """A listener in this process; gives a client for its health and metrics."""
    (folder / "connections.toml").write_text(CONNECTIONS)
    file = str(folder / "connections.toml")
    settings = replace(settings, connections_file=file, listener_port=0, produce_timeout_ms=produce_timeout_ms)
    with patient_directory():
        async with (
            listening(settings, Wanted("bluesky", url=url)) as (address, _),
            httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client,
        ):
            yield client


async def cursor(settings: Settings) -> dict[str, str]:
    """The cursor as it stands in Redis."""
    async with open_redis(settings, decode=True) as client:
        return dict(await client.hgetall(Keys(settings.key_prefix).cursor("bluesky", "brand")))


async def metric(client: httpx.AsyncClient, name: str) -> float:
    """A line of /metrics."""
    text = (await client.get("/metrics")).text
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0.0)


def at_start(made: Network, settings: Settings, server: str, seq: str = "1") -> None:
    """Write a cursor as if the first frame had been read before."""
    client = open_blocking(settings)
    fields = {"server": server, "time_us": str(made.began_us), "seq": seq}
    client.hset(Keys(settings.key_prefix).cursor("bluesky", "brand"), mapping=fields)
    client.close()


def child_env(settings: Settings, folder: Path) -> dict[str, str]:
    (folder / "connections.toml").write_text(CONNECTIONS)
    file = str(folder / "connections.toml")
    return environment(settings, TWOWAY_CONNECTIONS_FILE=file, TWOWAY_LISTENER_PORT="0")


@pytest.mark.parametrize("path", ["/subscribe", PATH_2])
async def test_a_listener_that_is_killed_in_the_middle_leaves_no_gap(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child], path: str
) -> None:
    """SIGKILL while frames come, twice; connections that break, frames that repeat: the topic holds every like, repost,
    reply and removal of the brand, and of the rest of the network nothing."""
    made = lately()
    async with jetstream(log=made.frames, pace_s=0.001, breaks=[300, 10**9, 250], repeats=7, held=700) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        command = [sys.executable, "-m", "pipeline", "listen", "bluesky", "--url", server.url(path)]
        env = child_env(settings, tmp_path)
        for enough in (40, 120):
            child = start_child("listener", command, env)
            await wait_until_async(lambda n=enough: _has_so_many(settings, n))
            child.kill()
            assert set(counted(settings)) < made.expected
            server.held += 700
        await server.release()
        start_child("listener", command, env)
        await all_counted(settings, made.expected)
        assert server.connected >= 4
        assert all(len(query["cursor"]) == 1 for query in server.queries)
    assert rejected(settings) == []


async def _has_so_many(settings: Settings, number: int) -> bool:
    return await asyncio.to_thread(lambda: len(set(counted(settings))) >= number)


async def test_the_cursor_stands_at_what_kafka_has_and_goes_on_from_there(settings: Settings, tmp_path: Path) -> None:
    """After a clean stop: the last frame's time; version 2 asks for its number, version 1 for a little earlier."""
    made = lately(500)
    async with jetstream(log=made.frames) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url(PATH_2)):
            await all_counted(settings, made.expected)
        saved = await cursor(settings)
        assert saved == {
            "server": f"127.0.0.1:{server.port}",
            "time_us": str(made.frames[-1]["time_us"]),
            "seq": "500",
        }
        async with listener(settings, tmp_path, server.url(PATH_2)):
            await wait_until_async(lambda: server.connected == 2)
        async with listener(settings, tmp_path, server.url()):
            await wait_until_async(lambda: server.connected == 3)
    asked = [int(query["cursor"][0]) for query in server.queries]
    assert asked == [1, 500, made.frames[-1]["time_us"] - 5_000_000]
    assert server.queries[1]["collections"] == ["app.bsky.feed.like", "app.bsky.feed.post", "app.bsky.feed.repost"]
    assert server.queries[1]["kinds"] == ["commit", "account"]
    assert server.queries[2]["wantedCollections"] == server.queries[1]["collections"]


async def test_without_kafka_the_cursor_stays_and_everything_comes_later(
    own_kafka: KafkaServer, redis_url: str, tmp_path: Path
) -> None:
    """The round waits; when Kafka is back it goes on, and only then the cursor moves."""
    settings, made = new_installation((own_kafka.servers,), redis_url), lately(600)
    async with jetstream(log=made.frames, held=200) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url(), produce_timeout_ms=500) as client:
            await wait_until_async(lambda: _stands_at(settings, made.frames[199]["time_us"]))
            own_kafka.stop()
            await server.release()
            waits = await metric(client, 'twoway_listener_waits_total{platform="bluesky"}')
            await wait_until_async(lambda: _waited(client, waits + 2))
            assert (await client.get("/readyz")).json()["kafka"] is False
            assert int((await cursor(settings))["time_us"]) == made.frames[199]["time_us"]
            await asyncio.to_thread(own_kafka.start)
            await all_counted(settings, made.expected)
            await wait_until_async(lambda: _stands_at(settings, made.frames[-1]["time_us"]))


async def _stands_at(settings: Settings, time_us: int) -> bool:
    return (await cursor(settings)).get("time_us") == str(time_us)


async def _waited(client: httpx.AsyncClient, waits: float) -> bool:
    return await metric(client, 'twoway_listener_waits_total{platform="bluesky"}') >= waits


async def test_a_cursor_that_is_too_old_is_said_loudly_and_listening_goes_on_from_the_oldest(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Version 2 refuses it; version 1 starts later without a word, which its first frame tells."""
    made = lately(400)
    for frame in made.frames[200:]:
        frame["time_us"] += 90_000_000
    expected = {told(frame) for frame in made.frames[200:] if BRAND in str(frame)}
    async with jetstream(log=made.frames, floor=201) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url(PATH_2)) as client:
            await wait_until_async(lambda: _has(settings, expected))
            assert [query["cursor"] for query in server.queries] == [["1"], ["1000000000000000"]]
            assert await metric(client, 'twoway_listener_gaps_total{cause="cursor_too_old"') == 1
            assert await metric(client, 'twoway_listener_gaps_total{cause="outdated_cursor"') == 0
        assert "no longer has the frames after the cursor" in caplog.text
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url()) as client:
            await wait_until_async(lambda: _counts(client, 'twoway_listener_gaps_total{cause="started_later"'))
        assert "later than asked" in caplog.text


async def test_a_server_that_counts_anew_is_read_on_by_time(settings: Settings, tmp_path: Path) -> None:
    """Another server stands under the name: its numbers are smaller than the cursor, so the times decide."""
    made = lately(300)
    async with jetstream(log=made.frames) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}", seq="290")
        server.repeats = 40
        async with listener(settings, tmp_path, server.url(PATH_2)) as client:
            await all_counted(settings, made.expected)
            assert await metric(client, 'twoway_listener_losses_total{cause="numbered_anew"') >= 1
        assert [query["cursor"][0] for query in server.queries] == ["290", str(made.began_us - 5_000_000)]


@pytest.mark.parametrize(
    ("first", "last_word", "cause"),
    [
        ([], '{"$type":"error","error":"ConsumerTooSlow","message":"far behind"}', "too_slow"),
        (["x" * 1_100_000], "", "too_large"),
        ([], "", "silent"),
    ],
    ids=["too slow", "too large", "silent"],
)
async def test_a_stream_that_is_lost_is_opened_again(
    settings: Settings, tmp_path: Path, first: list[str], last_word: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cause is counted; what came afterwards is there. Until then /readyz says that the stream is away."""
    monkeypatch.setattr("pipeline.listening.bluesky.SILENCE_S", 0.5)
    made = lately(200)
    async with jetstream(log=made.frames, first=first, last_word=last_word, held=0) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url()) as client:
            await wait_until_async(lambda: _counts(client, f'twoway_listener_losses_total{{cause="{cause}"'))
            server.first, server.last_word = [], ""
            await server.release()
            await all_counted(settings, made.expected)
            await wait_until_async(lambda: _is_ready(client))


async def test_frames_that_cannot_be_read_are_kept_and_spoil_no_others(settings: Settings, tmp_path: Path) -> None:
    """Broken JSON and a record without its subject, both with the brand's name in them."""
    made = lately(50)
    broken = f'{{"did":"{BRAND}","kind":"commit","commit":'
    empty = {"did": BRAND, "time_us": made.began_us, "kind": "commit"}
    empty["commit"] = {"operation": "create", "collection": "app.bsky.feed.like", "rkey": "r", "record": {}}
    async with jetstream(log=made.frames, first=[broken, json.dumps(empty)]) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url()):
            await all_counted(settings, made.expected)
    assert sorted((kept.stage, kept.reason) for kept in rejected(settings)) == [
        ("normalise", "missing_field"),
        ("parse", "not_json"),
    ]


async def test_a_deleted_account_is_erased_where_it_wrote_to_the_brand(settings: Settings, tmp_path: Path) -> None:
    """The network tells of everybody's end; only who commented on the brand's posts is handed on."""
    made = Network(lately(0).began_us)
    made.add("reply-create", "did:plc:fan", "r1")
    state = {"active": False, "status": "deleted"}
    ends = [{"did": did, "kind": "account", "account": {"did": did, **state}} for did in ("did:plc:fan", "did:plc:any")]
    async with jetstream(log=made.frames) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        async with listener(settings, tmp_path, server.url()):
            await all_counted(settings, made.expected)
            await server.add(*({**end, "time_us": made.began_us + 50_000} for end in ends))
            await wait_until_async(lambda: asyncio.to_thread(lambda: bool(records(settings, ERASED.name))))
    (erased,) = [decode_erasure(record.value) for record in records(settings, ERASED.name)]
    assert erased.actor == keyed_pseudonym(settings.actor_key)("bluesky", "did:plc:fan")


async def test_sigterm_ends_a_listener_with_its_cursor_saved(
    settings: Settings, tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    """Exit code 0, and the next one begins where it ended."""
    made = lately(100)
    async with jetstream(log=made.frames) as server:
        at_start(made, settings, f"127.0.0.1:{server.port}")
        command = [
            sys.executable,
            "-m",
            "pipeline",
            "listen",
            "bluesky",
            "--connection",
            "brand",
            "--url",
            server.url(),
        ]
        child = start_child("listener", command, child_env(settings, tmp_path))
        await all_counted(settings, made.expected)
        child.ask_to_end()
        await asyncio.to_thread(wait_until, lambda: not child.is_running())
        assert child.exit_code == 0
        assert (await cursor(settings))["time_us"] == str(made.frames[-1]["time_us"])


async def test_a_connection_that_cannot_be_listened_to_is_refused_at_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    """Without accounts the whole network would be the brand's; a connection of another platform is none."""
    file = tmp_path / "connections.toml"
    settings = replace(settings, connections_file=str(file), listener_port=0)
    file.write_text('[connections.brand]\nplatform = "bluesky"\n')
    for wanted, said in ((Wanted("bluesky"), "accounts"), (Wanted("bluesky", "page"), "none of bluesky")):
        with pytest.raises(SettingsError, match=said):
            async with listening(settings, wanted):
                pass


async def _has(settings: Settings, expected: set[Told]) -> bool:
    return await asyncio.to_thread(lambda: expected <= set(counted(settings)))


async def _counts(client: httpx.AsyncClient, name: str) -> bool:
    return await metric(client, name) >= 1


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
