"""Kafka comes back without what was counted, or forgets what is still to be counted: the worker stops and says so."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.faults.waiting import is_stopped
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.settings import Settings
from pipeline.transport.consumer import FETCH_WAIT_MS
from schemas.topics import INTERACTIONS
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.integration.work import proven, send, some_interactions
from tests.redises import open_blocking
from tests.said import said
from tests.topics import drop_beginning
from tests.waiting import wait_until

pytestmark = pytest.mark.servers

ROUND = 500


def rows(settings: Settings) -> dict[bytes, dict[bytes, bytes]]:
    """Every page of the installation, with all its rows."""
    with open_blocking(settings) as client:
        found = client.scan_iter(match=f"{settings.key_prefix}:*", _type="hash")
        return {key: client.hgetall(key) for key in found if not key.endswith(b":applied")}


async def test_a_log_that_was_cut_below_what_is_applied_stops_the_running_worker(
    own_kafka: KafkaServer, redis_url: str, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """The broker's disk is that of before. New records would take offsets that count as done already."""
    settings = new_installation((own_kafka.servers,), redis_url)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, some_interactions(ROUND))
    await proven(settings, ROUND)
    own_kafka.stop()
    shutil.copytree(own_kafka.data, tmp_path / "copy")
    own_kafka.start()
    own_kafka.wait_healthy()
    await send(settings, some_interactions(ROUND, first=ROUND))
    await proven(settings, 2 * ROUND)
    own_kafka.kill()
    before = rows(settings)
    assert before
    shutil.rmtree(own_kafka.data)
    shutil.copytree(tmp_path / "copy", own_kafka.data)
    own_kafka.start()
    own_kafka.wait_healthy()
    assert wait_until(lambda: worker.exit_code) == 1
    assert f"{settings.topic(INTERACTIONS.name)}[" in said(worker)
    assert "was cut or made anew" in said(worker)
    assert rows(settings) == before


async def test_a_retention_that_overtakes_a_running_worker_stops_it(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """Records go while the worker stands still, for less than its session: no assignment looks at the topic again."""
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, some_interactions(ROUND))
    await proven(settings, ROUND)
    worker.pause()
    wait_until(lambda: is_stopped(worker))
    # Else the fetch that waits at the broker now would still bring the first of them.
    await asyncio.sleep(1 + FETCH_WAIT_MS / 1000)
    await send(settings, some_interactions(ROUND, first=ROUND))
    drop_beginning(settings, INTERACTIONS)
    worker.resume()
    await send(settings, some_interactions(ROUND, first=2 * ROUND))
    assert wait_until(lambda: worker.exit_code) == 1
    assert "Set TWOWAY_FROM_EARLIEST=true to count what remains" in said(worker)
