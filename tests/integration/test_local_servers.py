"""The local Kafka and Redis: they keep what they were given, whatever ends them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from redis import Redis

from pipeline.errors import LocalStackError
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import OLDEST, RedisServer, find_program, program_version

pytestmark = pytest.mark.servers


def test_kafka_keeps_its_data_over_a_kill(own_kafka: KafkaServer) -> None:
    """A topic made before the crash is there after it."""
    with KafkaAdminClient(bootstrap_servers=own_kafka.servers) as admin:
        admin.create_topics({"kept": {"num_partitions": 2, "replication_factor": 1}})
        admin.wait_for_topics(["kept"])
    own_kafka.kill()
    own_kafka.start()
    own_kafka.wait_healthy()
    with KafkaAdminClient(bootstrap_servers=own_kafka.servers) as admin:
        assert "kept" in admin.list_topics()


def test_redis_keeps_its_data_over_a_kill(own_redis: RedisServer) -> None:
    """Every answered write is in the append-only file, even if only the system has it yet."""
    with Redis(port=own_redis.port) as redis:
        redis.set("kept", "yes")
    own_redis.kill()
    own_redis.start()
    own_redis.wait_healthy()
    with Redis(port=own_redis.port) as redis:
        assert redis.get("kept") == b"yes"


def test_redis_never_evicts(own_redis: RedisServer) -> None:
    """An evicted page would be a lost number."""
    with Redis(port=own_redis.port, decode_responses=True) as redis:
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_newest_usable_redis_is_taken() -> None:
    """The one of the machine or the one that came along, never one that is too old."""
    assert program_version(find_program()) >= OLDEST


def test_data_of_a_newer_redis_is_refused(tmp_path: Path) -> None:
    """Redis 6 would not see the files of Redis 7 and start empty, as if nothing had been counted."""
    (tmp_path / "appendonlydir").mkdir()
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho Redis server v=6.2.14 sha=0\n", encoding="utf-8")
    old.chmod(0o700)
    (port,) = free_ports(1)
    with pytest.raises(LocalStackError, match=r"written by Redis 7 or newer.*only 6\.2\.14"):
        RedisServer(tmp_path, port, old).start()
