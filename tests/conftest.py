"""The suite's servers: one real Kafka and one real Redis for the session, started when the first test asks for them."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from kafka import KafkaAdminClient

from pipeline.errors import LocalStackError
from pipeline.local.aot import make_aot_cache
from pipeline.local.children import Child
from pipeline.local.jars import class_path
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.settings import Secret, Settings
from pipeline.topic_admin import create_topics
from schemas.topics import TOPICS
from tests.clusters import PATIENT_MS, RedisCluster
from tests.waiting import DEADLINE_S
from tests.yardstick import settled

AnyServer = TypeVar("AnyServer", bound=Child)
PARTITIONS = 4
ACTOR_KEY = "0123456789abcdef0123456789abcdef"

#: Of `make prove`: new examples at each run, however long one takes. `make test` has the same ones always (`ci`).
hypothesis.settings.register_profile("new", deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--redis=cluster`: what is tested on the session's Redis is tested on a Redis Cluster."""
    parser.addoption("--redis", choices=("one", "cluster"), default="one", help="one Redis, or a Redis Cluster")


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """The session's broker. A test that stops or kills a broker takes one of its own: `own_kafka`."""
    server = _new_kafka(tmp_path_factory.mktemp("kafka"))
    yield from _running(server)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's Redis. A test that stops or kills a Redis takes one of its own: `own_redis`."""
    yield from _running(_new_redis(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def kafka_servers(kafka_server: KafkaServer) -> tuple[str, ...]:
    """The session's broker as a setting."""
    return (kafka_server.servers,)


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """The session's Redis Cluster. A test that kills a node or moves a slot takes one of its own: `own_cluster`."""
    yield from _running_cluster(RedisCluster(tmp_path_factory.mktemp("cluster"), PATIENT_MS))


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """The session's Redis as a URL; with `--redis=cluster` that of a Redis Cluster."""
    server = "redis_cluster" if request.config.getoption("redis") == "cluster" else "redis_server"
    url: str = request.getfixturevalue(server).url
    return url


@pytest.fixture
def settings(kafka_servers: tuple[str, ...], redis_url: str) -> Iterator[Settings]:
    """Settings of an installation of this test's own: fresh topics (4 partitions), keys and consumer group.

    Its topics go with it: every client reads the list of all, which took a third of a second after 300 tests."""
    settings = new_installation(kafka_servers, redis_url)
    yield settings
    with KafkaAdminClient(bootstrap_servers=list(kafka_servers)) as admin:
        admin.delete_topics([settings.topic(topic.name) for topic in TOPICS], raise_errors=False)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that this test may stop, kill and pause; `start()` brings it back with its data."""
    yield from _running(_new_kafka(tmp_path / "kafka"))


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that this test may stop, kill and pause; `start()` brings it back with its data."""
    yield from _running(_new_redis(tmp_path / "redis"))


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """A Redis Cluster whose nodes this test may stop, kill and pause."""
    yield from _running_cluster(RedisCluster(tmp_path / "cluster"))


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Starts programs, such as `start_child("worker", [sys.executable, "-m", ...], env)`; all are killed at the end."""
    children: list[Child] = []

    def start(name: str, command: list[str], env: dict[str, str] | None = None) -> Child:
        child = Child(name, command, tmp_path / f"{name}-{len(children)}.log", env)
        children.append(child)
        child.start()
        return child

    yield start
    for child in children:
        child.kill()


@pytest.fixture(name="settled")
def settled_memory() -> Iterator[None]:
    """Memory as the gateway has it."""
    with settled():
        yield


def new_installation(kafka_servers: tuple[str, ...], redis_url: str) -> Settings:
    """Settings with prefixes that nobody used before, topics created, free ports for every role."""
    name = uuid.uuid4().hex[:10]
    settings = Settings(
        kafka_servers=kafka_servers,
        redis_url=Secret(redis_url),
        topic_prefix=f"t{name}.",
        key_prefix=f"t{name}",
        group=f"count-{name}",
        partitions=PARTITIONS,
        actor_key=Secret(ACTOR_KEY),
        worker_port=0,
        gateway_port=0,
        api_port=0,
    )
    create_topics(settings)
    return settings


@cache
def kafka_jars() -> str:
    """Kafka's class path, once its AOT cache is there: with it the suite's many brokers start in a third of the time.

    Where that cannot be made, they start slowly, and `test_aot.py` says why.
    """
    jars = class_path()
    try:
        make_aot_cache(jars)
    except LocalStackError as error:
        warnings.warn(f"Kafka starts slowly in these tests: {error}", stacklevel=2)
    return jars


def _new_kafka(data: Path) -> KafkaServer:
    port, controller_port = free_ports(2)
    return KafkaServer(data, port, controller_port, kafka_jars())


def _new_redis(data: Path) -> RedisServer:
    (port,) = free_ports(1)
    return RedisServer(data, port)


def _running(server: AnyServer) -> Iterator[AnyServer]:
    try:
        server.start()
        server.wait_healthy(DEADLINE_S)
        yield server
    finally:
        server.kill()


def _running_cluster(cluster: RedisCluster) -> Iterator[RedisCluster]:
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
