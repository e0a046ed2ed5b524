"""Steps of schedules that are written out over a `World`: count, publish, and see that it comes to its right end."""

from __future__ import annotations

from tests.world.schedules import PARTITION
from tests.world.wire import Fault
from tests.world.world import World


def count(world: World, who: int = 0, partition: int = PARTITION) -> None:
    """A worker counts what it fetched first."""
    worker = world.workers[who]
    world.work(worker, "take", worker.take(partition))


def publish(world: World, fault: Fault | None = None, who: int = 0) -> None:
    """A worker publishes; what is acknowledged then is not committed."""
    worker = world.workers[who]
    worker.wire.fault = fault
    world.work(worker, "publish", worker.publish())


def end(world: World) -> int:
    """Whoever is there does the rest, alone and without another assignment; how many faults there were before."""
    faults = len(world.happened)
    try:
        world.come_to_rest()
        wrong = world.run(world.truth().differences())
        assert not wrong, wrong
    finally:
        world.close()
    return faults
