"""The JVM programs that bench measures against count as our oracle does: else their figures would compare nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import redis

from bench.check import compare, count_again, topic_ends
from bench.events import fill
from bench.peers import java
from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.local.redis import RedisServer
from pipeline.proving.oracle import PageName
from pipeline.scan import open_scan
from pipeline.settings import Secret, Settings
from pipeline.topic_admin import create_topics
from pipeline.windows import ALL, ALL_NAME
from schemas.engagement import COLUMNS, Engagement, decode_engagement, engagement_key
from schemas.interaction import Interaction
from schemas.topics import ACCOUNTS, POSTS, Topic
from tests.factories import make_interaction
from tests.integration.work import send
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.prove]

STATEMENTS = 20_000
#: Two numbers of eight bytes each in the changelog: 1.6 MB, more than Kafka takes as one record.
OF_ONE_ACCOUNT = 100_000
#: Longer than the run takes: all that it counts is one commit, asked for at the end of its partition.
ONE_COMMIT = "-Dcommit.ms=9000"
HOUR_MS = 3_600_000
SEED = 11


@pytest.fixture
def alone(own_kafka: KafkaServer, own_redis: RedisServer) -> Settings:
    """Servers of this test's own: the peers' keys and topics have no prefix."""
    try:
        java.build()
    except java.MissingError as error:
        pytest.skip(f"the JVM peers cannot be built here: {error}")
    settings = Settings(kafka_servers=(own_kafka.servers,), redis_url=Secret(own_redis.url))
    create_topics(settings)
    return settings


@pytest.fixture
def client(alone: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(alone.redis_url.reveal()) as connected:
        yield connected


def _statements() -> list[Interaction]:
    """Adds, edits and removes of a few hundred objects, in no order, some of the brand's own, over two hours."""
    chance = random.Random(SEED)
    now_ms = wall_clock()
    made = []
    for _ in range(STATEMENTS):
        number = chance.randrange(2_000)
        account = f"a{number % 4}"
        made.append(
            make_interaction(
                account=account,
                post=f"{account}_{number % 5}",
                kind=("like", "comment", "share", "post")[number % 7 % 4],
                id=f"o{number}",
                action=chance.choice(("add", "add", "edit", "remove")),
                own=number % 11 == 0,
                time_ms=now_ms - chance.randrange(2 * HOUR_MS) // 1_000 * 1_000,
            )
        )
    return made


def _command(peer: str, settings: Settings, folder: Path, name: str = "app", flags: tuple[str, ...] = ()) -> list[str]:
    port = settings.redis_url.reveal().rpartition(":")[2].partition("/")[0]
    total = str(sum(topic_ends(settings).values()))
    arguments = (settings.kafka_servers[0], settings.topic("interactions"), port, total, str(folder / name), "2")
    if peer == "flink":
        return java.FLINK.command(*arguments)
    return replace(java.STREAMS, flags=flags).command(*arguments, name)


async def _newest(settings: Settings, topic: Topic) -> dict[bytes, Engagement]:
    """The record of each key with the highest revision."""
    newest: dict[bytes, Engagement] = {}
    async with open_scan(settings, topic.name) as scan:
        scan.start_at(dict.fromkeys(scan.partitions, 0))
        async for records in scan.read_to(await scan.ends()):
            for record in records:
                row = decode_engagement(record.value)
                if record.key not in newest or newest[record.key].revision <= row.revision:
                    newest[record.key] = row
    return newest


async def _published(settings: Settings) -> dict[str, str]:
    """Key -> counts of what the aggregate topics say that stands."""
    rows = {**await _newest(settings, POSTS), **await _newest(settings, ACCOUNTS)}
    counts = {key.decode(): [getattr(row, column) for column in COLUMNS] for key, row in rows.items()}
    return {key: ",".join(map(str, each)) for key, each in counts.items() if any(each) or key.endswith("|all|")}


def _keyed(settings: Settings, expected: Mapping[PageName, Mapping[str, str]]) -> dict[str, str]:
    """The same of rows by page and field."""
    keyed = {}
    for name, rows in expected.items():
        for field, counts in rows.items():
            code = ALL if field == ALL_NAME else settings.windows.code(field)
            assert code is not None
            window = settings.windows.window(code)
            keyed[engagement_key("facebook", name.id, window.size, window.start_ms)] = counts
    return keyed


@pytest.mark.parametrize("peer", ["flink", "streams"])
async def test_a_jvm_peer_counts_adds_edits_and_removes_as_the_oracle_does(
    peer: str, alone: Settings, client: redis.Redis, tmp_path: Path
) -> None:
    """Every row equal, none too many, whatever the order of statements; the newest record of each row says the same."""
    await send(alone, _statements())
    program = await asyncio.create_subprocess_exec(*_command(peer, alone, tmp_path), stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(program.communicate(), 120)
    assert orjson.loads(said.splitlines()[-1])["events"] == STATEMENTS
    expected = await count_again(alone, topic_ends(alone))
    rows, different = compare(client, expected)
    assert rows > 500
    assert different == 0
    assert await _published(alone) == _keyed(alone, expected)


def test_kafka_streams_killed_between_two_commits_ends_with_the_same_rows(
    alone: Settings, client: redis.Redis, tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    """What it writes back before each commit is whole after a kill: nothing lost, nothing counted twice."""
    fill(alone, 300_000)
    first = start_child("streams", _command("streams", alone, tmp_path))
    wait_until(client.dbsize)
    first.kill()
    expected = asyncio.run(count_again(alone, topic_ends(alone)))
    _, different = compare(client, expected)
    assert different > 0, "it had counted everything when it was killed"
    start_child("streams", _command("streams", alone, tmp_path))
    wait_until(lambda: compare(client, expected)[1] == 0, 240)


async def test_kafka_streams_commits_more_of_one_account_than_one_record_of_its_changelog_may_hold(
    alone: Settings, client: redis.Redis, tmp_path: Path
) -> None:
    """It goes into several records: one above the producer's limit aborted the transaction and ended the program."""
    now_ms = wall_clock()
    await send(alone, [make_interaction(id=f"o{number}", time_ms=now_ms) for number in range(OF_ONE_ACCOUNT)])
    command = _command("streams", alone, tmp_path, flags=(ONE_COMMIT,))
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(program.communicate(), 120)
    assert program.returncode == 0
    assert orjson.loads(said.splitlines()[-1])["events"] == OF_ONE_ACCOUNT
    assert compare(client, await count_again(alone, topic_ends(alone)))[1] == 0
