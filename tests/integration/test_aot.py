"""Kafka's AOT cache: made once, used by every broker, and passed over where it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.local.aot import make_aot_cache
from pipeline.local.jars import class_path
from pipeline.local.java import aot_cache
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports

pytestmark = pytest.mark.servers


def test_every_broker_maps_the_cache_that_was_made_once(own_kafka: KafkaServer) -> None:
    """Else the flag would be given and nothing be gained."""
    cache = aot_cache(class_path())
    made_ns = cache.stat().st_mtime_ns
    make_aot_cache(class_path())
    assert cache.stat().st_mtime_ns == made_ns
    assert str(cache) in Path(f"/proc/{own_kafka.pid}/maps").read_text(encoding="utf-8")


def test_other_jars_have_another_cache() -> None:
    """Java would pass over one that does not fit, and each start would be slow again."""
    jars = class_path()
    assert aot_cache(jars) != aot_cache(f"{jars}:another.jar")


@pytest.mark.parametrize("content", [None, b"not written by Java" * 10_000])
def test_a_broker_starts_without_a_cache_that_it_can_use(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone, or broken: slower, and no word of it."""
    jars = class_path()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if content is not None:
        aot_cache(jars).parent.mkdir(parents=True)
        aot_cache(jars).write_bytes(content)
    server = KafkaServer(tmp_path / "kafka", *free_ports(2), jars)
    try:
        server.start()
        server.wait_healthy()
        assert "aot" not in server.tail(50).lower()
    finally:
        server.kill()
