"""How a frozen worker's fault is known to have fired: others count in its partitions what came while it stood still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.faults.takeover import Takeover, partitions_of
from pipeline.faults.waiting import is_stopped
from pipeline.local.ports import free_ports
from pipeline.local.role import Role
from pipeline.settings import Settings
from tests.commands import variables
from tests.integration.work import proven, send, some_interactions
from tests.waiting import wait_until_async

pytestmark = pytest.mark.servers

Start = Callable[[], Role]


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker whose metrics can be asked for."""
    workers: list[Role] = []

    def start() -> Role:
        (port,) = free_ports(1)
        given = variables(settings) | {"TWOWAY_WORKER_PORT": str(port)}
        worker = Role(f"worker{len(workers)}", "worker", port, tmp_path / f"{len(workers)}.log", given, None)
        workers.append(worker)
        worker.start()
        return worker

    yield start
    for worker in workers:
        worker.kill()


async def test_a_worker_names_the_partitions_that_it_has_and_no_lag_of_those_that_it_gave_away(
    settings: Settings, start_worker: Start
) -> None:
    """Also of those in which nothing was ever sent. A lag that stood there for ever would be nobody's."""
    first = start_worker()
    assert await partitions_of(first) == frozenset()
    await send(settings, some_interactions(10, accounts=1))
    await wait_until_async(lambda: has(first, 4))
    second = start_worker()
    await wait_until_async(lambda: has(second, 2))
    await wait_until_async(lambda: has(first, 2))
    await wait_until_async(lambda: share(first, second, set(range(settings.partitions))))


async def test_a_worker_that_stands_still_is_taken_over_once_another_counts_what_came_since(
    settings: Settings, start_worker: Start
) -> None:
    """Not by what it counted itself, nor while nobody else is there."""
    frozen = start_worker()
    await send(settings, some_interactions(100))
    await proven(settings, 100)
    await wait_until_async(lambda: has(frozen, 4))
    had = frozenset(range(settings.partitions))
    frozen.pause()
    await wait_until_async(lambda: is_stopped(frozen))
    takeover = Takeover(settings, had)
    assert not await takeover.is_seen()
    start_worker()
    await wait_until_async(takeover.is_seen)
    assert is_stopped(frozen)


async def share(first: Role, second: Role, partitions: set[int]) -> bool:
    return await partitions_of(first) | await partitions_of(second) == partitions


async def has(worker: Role, number: int) -> bool:
    return len(await partitions_of(worker)) == number
