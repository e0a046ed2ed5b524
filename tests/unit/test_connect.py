"""Which client a URL of Redis leads to."""

from __future__ import annotations

import pytest

from pipeline.access.redis import address_of
from pipeline.errors import SettingsError
from pipeline.settings import Secret, Settings
from pipeline.store.cluster import Cluster
from pipeline.store.connect import connect_redis
from pipeline.store.pipelined import PipelinedRedis


def connected(url: str, **changes: object) -> object:
    return connect_redis(Settings(redis_url=Secret(url), **changes), timeout_s=None)  # type: ignore[arg-type]


def seeds(client: object) -> set[str]:
    assert isinstance(client, Cluster)
    return set(client.nodes_manager.startup_nodes)


async def test_a_plain_url_leads_to_one_redis() -> None:
    """The client of the hot path is redis-py's plain one but for its pipelines."""
    assert type(connected("redis://localhost:6379/0")) is PipelinedRedis


async def test_a_clusters_url_names_one_node_or_several() -> None:
    """Each leads to all others; a port that is left out is Redis' own."""
    assert seeds(connected("redis+cluster://10.0.0.1:7000")) == {"10.0.0.1:7000"}
    assert seeds(connected("redis+cluster://10.0.0.1:7000,10.0.0.2,[::1]:7002/0")) == {
        "10.0.0.1:7000", "10.0.0.2:6379", "::1:7002",
    }  # fmt: skip


async def test_user_and_tls_are_those_of_every_node() -> None:
    """As with one Redis: in the URL or in settings of their own."""
    client = connected("rediss+cluster://ann:secret@10.0.0.1:7000,10.0.0.2:7000")
    assert isinstance(client, Cluster)
    for node in client.nodes_manager.startup_nodes.values():
        given = node.connection_kwargs
        assert (given["username"], given["password"], node.connection_class.__name__) == (
            "ann",
            "secret",
            "SSLConnection",
        )
    named = connected("redis+cluster://10.0.0.1:7000", redis_username="ann", redis_password=Secret("secret"))
    assert isinstance(named, Cluster)
    assert named.nodes_manager.startup_nodes["10.0.0.1:7000"].connection_kwargs["password"] == "secret"


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://",
        "redis+cluster://10.0.0.1:7000,",
        "redis+cluster://10.0.0.1:seven",
        "redis+cluster://u:secret@10.0.0.1:70000",
        "redis+cluster://10.0.0.1:7000/1",
    ],
)
async def test_a_wrong_url_of_a_cluster_says_what_is_expected_and_never_the_password(url: str) -> None:
    """A cluster has one database."""
    with pytest.raises(SettingsError, match=r"expected redis\+cluster://\[user:password@\]host:port") as refused:
        connected(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost:6379/0", "localhost:6379"),
        ("redis://:hunter2@redis.example/2", "redis.example:6379"),
        ("redis://", "localhost:6379"),
        ("rediss://ann:hun@ter2@[::1]:7000", "[::1]:7000"),
        ("redis+cluster://ann:hunter2@10.0.0.1:7000,10.0.0.2", "10.0.0.1:7000,10.0.0.2:6379"),
        ("unix://ann:hunter2@/run/redis.sock?db=3", "/run/redis.sock"),
    ],
)
async def test_the_address_of_a_client_names_its_servers_alone(url: str, address: str) -> None:
    """For messages: where it was looked for."""
    assert address_of(connected(url)) == address
