"""A table to drive, on the real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.api import hub
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from tests.driver import Driver
from tests.redises import open_redis
from tests.secured import Secured, secured_servers
from tests.waiting import DEADLINE_S


@pytest.fixture(autouse=True)
def patient_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream waits for its consumer as long as this machine takes to start one."""
    monkeypatch.setattr(hub, "START_S", DEADLINE_S)


@pytest.fixture
async def driver(settings: Settings) -> AsyncIterator[Driver]:
    """A driver with an open table."""
    redis, outlet = open_redis(settings), Outlet(settings)
    made = Driver(settings, redis, outlet)
    await made.open()
    yield made
    await outlet.stop()
    await made.decoding.aclose()
    await redis.aclose()


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A Kafka and a Redis that ask for TLS and a user, for the session."""
    with secured_servers(tmp_path_factory.mktemp("secured")) as servers:
        yield servers
