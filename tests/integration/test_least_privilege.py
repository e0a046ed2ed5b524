"""docs/security.md's permissions, tried: each role does its work with them, and what they must not allow is refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from pipeline.access.kafka import kafka_options
from pipeline.api.server import serving
from pipeline.clock import wall_clock
from pipeline.gateway.directory import Directory
from pipeline.listening.cursors import Cursors
from pipeline.local.children import Child
from pipeline.notifying.ledger import Ledger
from pipeline.privacy.follow import ask
from pipeline.reading import Reader
from pipeline.settings import Secret, Settings
from pipeline.sources.outcomes import Known
from pipeline.store.keys import Keys
from pipeline.topic_admin import check_topics
from schemas.erasure import Erasure
from schemas.topics import TOPICS
from tests.clusters import RedisCluster
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.gateways import gateway, meta_headers
from tests.integration.work import proven, send, some_interactions
from tests.secured import REDIS_PASSWORD, Secured
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = pytest.mark.servers
PAGE = Path(__file__).parents[2] / "docs" / "security.md"
PASSWORD = "password-of-a-role"
#: What redis-py says of itself when it connects; that it may not is ignored by it.
INTRODUCTIONS = re.compile(r"client\|?|hello")


@pytest.fixture
def roles(secured: Secured) -> Iterator[Callable[[str, str], Settings]]:
    """An installation as one user of Redis and one of Kafka sees it, who may do what the page says and no more."""
    made = new_installation((secured.kafka.servers,), f"redis://:{REDIS_PASSWORD}@localhost:{secured.redis.port}/0")
    users = _redis_users(made)
    with redis.Redis(port=secured.redis.port, password=REDIS_PASSWORD) as client:
        for name, rules in users.items():
            client.execute_command("ACL", "SETUSER", name, "reset", *rules)
    _allow(secured, made)

    def of(redis_user: str, kafka_user: str) -> Settings:
        return replace(
            made,
            redis_url=Secret(f"rediss://{redis_user}:{PASSWORD}@localhost:{secured.redis_tls}/0"),
            redis_ca_file=str(secured.ours.file),
            kafka_servers=(f"localhost:{secured.kafka.sasl_port}",),
            kafka_tls=True,
            kafka_ca_file=str(secured.ours.file),
            kafka_sasl="scram-sha-512",
            kafka_username=kafka_user,
            kafka_password=Secret(PASSWORD),
        )

    yield of
    with redis.Redis(port=secured.redis.port, password=REDIS_PASSWORD) as client:
        client.execute_command("ACL", "DELUSER", *users)


async def test_a_webhook_is_counted_and_read_with_the_permissions_of_the_page(
    roles: Callable[[str, str], Settings], secured: Secured, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """Gateway, worker, API with its stream, and the proof, all by way of TLS; Redis refused none of them anything."""
    with redis.Redis(port=secured.redis.port, password=REDIS_PASSWORD, decode_responses=True) as client:
        client.acl_log_reset()
        worker = roles("worker", "worker")
        start_child("worker", [*TWOWAY, "worker"], environment(worker, **_tls_environment(worker)))
        reading = replace(roles("reader", "api"), api_port=0)
        async with (
            gateway(roles("gateway", "gateway"), tmp_path) as webhooks,
            serving(reading) as address,
            httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api,
            api.stream("GET", "/v1/stream?entity=account&window=all") as stream,
        ):
            lines = stream.aiter_lines()
            assert await anext(lines)
            body = _comment()
            answer = await webhooks.post("/webhooks/page", content=body, headers=meta_headers(body))
            assert answer.json()["accepted"] == 1
            assert '"comments":1' in await _data(lines)
            await wait_until_async(lambda: _counted(api))
            for path in ("/unanswered", "/insights", "/posts", "/series"):
                assert (await api.get(f"/v1/accounts/facebook/page-1{path}")).status_code == 200
            assert (await api.get("/v1/alerts")).status_code == 200
            (said,) = (await api.get("/v1/accounts/facebook/page-1/unanswered")).json()["comments"]
            operator = roles("reader", "operator")
            await ask(operator, [Erasure(platform="facebook", actor=said["actor"], time_ms=wall_clock())])
            await wait_until_async(lambda: _is_erased(api))
            # Also in the topic, which the worker reads for it.
            await wait_until_async(lambda: _is_done(client, worker))
        await proven(roles("reader", "operator"), 1)
        denied = [entry for entry in client.acl_log() if not INTRODUCTIONS.match(entry["object"])]
        assert [(entry["username"], entry["reason"], entry["object"]) for entry in denied] == []


@pytest.mark.prove
async def test_a_redis_cluster_asks_for_little_more(
    redis_cluster: RedisCluster, kafka_servers: tuple[str, ...], start_child: Callable[..., Child]
) -> None:
    """What the page says of a cluster is enough there to count and to read."""
    made = new_installation(kafka_servers, redis_cluster.url)
    of_a_cluster = r"Redis Cluster\]\(cluster\.md\) each of them needs `([^`]+)` besides, the worker's `([^`]+)` too"
    ((more, workers),) = re.findall(of_a_cluster, PAGE.read_text(encoding="utf-8"))
    users = _redis_users(made)
    for node in redis_cluster.nodes:
        for name, rules in users.items():
            besides = [*more.split(), *(workers.split() if name == "worker" else [])]
            node.call("ACL", "SETUSER", name, "reset", *rules, *besides)
        node.call("ACL", "LOG", "RESET")

    def of(user: str) -> Settings:
        return replace(made, redis_url=Secret(redis_cluster.url.replace("://", f"://{user}:{PASSWORD}@")))

    start_child("worker", [*TWOWAY, "worker"], environment(of("worker")))
    await send(made, some_interactions(100))
    await proven(of("reader"), 100)
    async with Reader.connect(of("reader")) as reader:
        assert len((await reader.accounts()).items) == 4
    denied = [entry for node in redis_cluster.nodes for entry in node.call("ACL", "LOG")]
    assert {one["object"] for one in denied if not INTRODUCTIONS.match(one["object"])} == set()
    for node in redis_cluster.nodes:
        node.call("ACL", "DELUSER", *users)


async def test_listeners_and_notify_keep_their_places_with_their_own_keys(
    roles: Callable[[str, str], Settings],
) -> None:
    """The cursor of a stream, what ids are known to be, and which alerts were told."""
    cursors = Cursors(roles("listener", "gateway"), "bluesky", "own")
    await cursors.save({"time_us": "7"})
    assert await cursors.load() == {"time_us": "7"}
    directory = Directory(roles("listener", "gateway"))
    await directory.remember("bluesky", {"at://1": Known("a1", "p1", "comment")})
    assert list(await directory.look_up("bluesky", ["at://1"])) == ["at://1"]
    ledger = Ledger(roles("notify", "notify"))
    await ledger.note("alert-1")
    assert await ledger.is_told("alert-1")
    for open_one in (cursors, directory, ledger):
        await open_one.close()


def test_a_reader_of_redis_cannot_write_and_nobody_goes_beyond_his_keys(
    roles: Callable[[str, str], Settings], secured: Secured
) -> None:
    """Nor empty it, list its keys, change its settings, or wait for what others publish."""
    prefix = roles("reader", "api").key_prefix
    page = f"{prefix}:{{7}}:account:facebook:a1"
    commands: dict[str, list[tuple[str, ...]]] = {
        "reader": [("HSET", page, "likes", "9"), ("DEL", page), ("EVAL", "return 1", "0"), ("GET", "elsewhere")],
        "worker": [("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("SET", "elsewhere", "1")],
        "gateway": [("HGETALL", page), ("DEL", f"{prefix}:seen:x:1"), ("SET", f"{prefix}:account:x:1", "1")],
        "listener": [("HGETALL", page), ("FLUSHDB",)],
        "notify": [("HGETALL", page), ("GET", f"{prefix}:told:1")],
    }
    for user, refused in commands.items():
        with redis.Redis(port=secured.redis.port, username=user, password=PASSWORD) as client:
            assert client.ping()
            for command in (*refused, ("ACL", "LIST"), ("DEBUG", "SLEEP", "0"), ("PUBLISH", "a", "b")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command)


async def test_nobody_writes_or_reads_a_topic_that_is_not_his(roles: Callable[[str, str], Settings]) -> None:
    """The API cannot make up interactions, the gateway cannot read them, and what is not said is not allowed."""
    for user, topic in (("api", "interactions"), ("notify", "interactions"), ("gateway", "engagement.posts")):
        with pytest.raises(TopicAuthorizationFailedError):
            await _write(roles("reader", user), topic)
    for user, topic in (("gateway", "interactions"), ("api", "interactions"), ("notify", "interactions.rejected")):
        with pytest.raises(TopicAuthorizationFailedError):
            await _read(roles("reader", user), topic, None)
    with pytest.raises(GroupAuthorizationFailedError):
        await _read(roles("reader", "api"), "engagement.posts", roles("reader", "api").group)
    assert await asyncio.to_thread(check_topics, roles("worker", "operator"))


def _redis_users(settings: Settings) -> dict[str, list[str]]:
    """User -> rules, as they stand on the page, for this installation's keys."""
    lines = re.findall(r"^user (\w+) (on .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in lines} == {"gateway", "listener", "worker", "reader", "notify"}
    return {
        name: rules.replace("PASSWORD", PASSWORD).replace("~tw:", f"~{settings.key_prefix}:").split()
        for name, rules in lines
    }


def _allow(secured: Secured, settings: Settings) -> None:
    """The users of the page's table, and what it allows them, for this installation's topics and groups."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {user for user, *_ in rows} == {"gateway", "worker", "api", "notify", "operator"}
    every = [topic.name for topic in TOPICS]
    acls = []
    for user, operations, topics, groups in rows:
        names = every if topics.strip() == "all seven" else re.findall(r"`([^`]+)`", topics)
        for operation in operations.replace(",", " ").split():
            acls += [_acl(user, operation, ResourceType.TOPIC, settings.topic(name)) for name in names]
        for group in re.findall(r"`([^`]+)`", groups):
            mine = settings.topic_prefix + settings.group if group == "twoway-count" else settings.notify_group
            acls.append(_acl(user, "Read", ResourceType.GROUP, mine))
    for user in {user for user, *_ in rows}:
        secured.kafka.add_user(user, PASSWORD)
    with KafkaAdminClient(bootstrap_servers=secured.kafka.servers) as admin:
        admin.create_acls(acls)


def _acl(user: str, operation: str, kind: ResourceType, name: str) -> ACL:
    named = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).upper()
    return ACL(f"User:{user}", "*", ACLOperation[named], ACLPermissionType.ALLOW, ResourcePattern(kind, name))


def _tls_environment(settings: Settings) -> dict[str, str]:
    return {
        "TWOWAY_REDIS_CA_FILE": settings.redis_ca_file,
        "TWOWAY_KAFKA_TLS": "true",
        "TWOWAY_KAFKA_CA_FILE": settings.kafka_ca_file,
        "TWOWAY_KAFKA_SASL": settings.kafka_sasl,
        "TWOWAY_KAFKA_USERNAME": settings.kafka_username,
        "TWOWAY_KAFKA_PASSWORD": settings.kafka_password.reveal(),
    }


def _comment() -> bytes:
    now_s = wall_clock() // 1000
    return (
        b'{"object":"page","entry":[{"id":"page-1","time":%d,"changes":[{"field":"feed","value":{"item":"comment",'
        b'"verb":"add","post_id":"page-1_9","comment_id":"9_1","parent_id":"page-1_9","created_time":%d,'
        b'"message":"Where?","from":{"id":"77","name":"A"}}}]}]}' % (now_s, now_s)
    )


async def _is_erased(api: httpx.AsyncClient) -> bool:
    """Whether the comment waits on without text and actor."""
    (said,) = (await api.get("/v1/accounts/facebook/page-1/unanswered")).json()["comments"]
    return said["text"] is None and said["actor"] is None


async def _is_done(client: redis.Redis, settings: Settings) -> bool:
    """Whether the worker is through with the erasure."""
    return client.hget(Keys(settings.key_prefix).erasures, "0") == "1"


async def _data(lines: Any) -> str:
    async for line in lines:
        if line.startswith("data"):
            return str(line)
    raise AssertionError("the stream ended")


async def _counted(api: httpx.AsyncClient) -> bool:
    return (await api.get("/v1/accounts/facebook/page-1")).status_code == 200


async def _write(settings: Settings, topic: str) -> None:
    producer = AIOKafkaProducer(**kafka_options(settings), request_timeout_ms=60_000)
    await producer.start()
    try:
        await producer.send_and_wait(settings.topic(topic), b"{}")
    finally:
        await producer.stop()


async def _read(settings: Settings, topic: str, group: str | None) -> None:
    consumer = AIOKafkaConsumer(settings.topic(topic), **kafka_options(settings), group_id=group)
    try:
        await consumer.start()
        await consumer.getone()
    finally:
        await consumer.stop()
