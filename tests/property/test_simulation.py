"""Schedules of everything that may happen, thousands of them: Redis and the topics end as the oracle says.

Worker, table, script, publication and erasure are the production code, Redis is a real one; Kafka, the group and time
are the schedule's (`tests/world`).
"""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from itertools import product

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from prometheus_client import REGISTRY

from tests.world.simulation import ENDS, HAPPENINGS, REACHES, Simulation

#: A third of what the rarest, a Redis that fell back to what was saved, came to in 200 schedules (6), for 5,000.
LEAST = 50


def simulate(socket: str, schedules: int, steps: int) -> Counter[str]:
    """Run so many schedules; gives how often each fault, and everything else, happened."""
    happened: Counter[str] = Counter()
    fenced = -fences()
    ours = logging.getLogger("twoway")
    level = ours.level
    ours.setLevel(logging.ERROR)
    try:
        run_state_machine_as_test(
            partial(Simulation, socket, happened),
            settings=hypothesis_settings(
                max_examples=schedules,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        ours.setLevel(level)
    happened["fenced"] = fenced + fences()
    return happened


def fences() -> int:
    """How often a worker of this process found that another writer had been there."""
    return int(REGISTRY.get_sample_value("twoway_recoveries_total", {"cause": "fenced"}) or 0)


def test_schedules_of_faults_end_as_the_oracle_says(socket: str) -> None:
    """A hundred of them."""
    simulate(socket, 100, 40)


@pytest.mark.prove
def test_thousands_of_schedules_of_faults_end_as_the_oracle_says(socket: str) -> None:
    """Each fault happened at many places, and everything else many times."""
    happened = simulate(socket, 5_000, 50)
    faults = [f"{end} after {reach}" for reach, end in product(REACHES, ENDS)]
    assert happened.keys() == {*faults, *HAPPENINGS}
    assert min(happened.values()) > LEAST, happened
