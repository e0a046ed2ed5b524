"""The count agent: batches of interactions in, exact rows out."""

from __future__ import annotations

from typing import Any

import faust
from mode.supervisors import CrashingSupervisor

from pipeline.table.tables import Tables


def count_agent(app: faust.App, interactions: Any, tables: Tables) -> Any:
    """Registers the agent that gives each batch to its partition's table.

    One at a time: offsets of a partition must be applied in order. `noack`: the batch is acknowledged when its rows are
    published, not when this loop is done with it. An exception ends the worker: Faust's default would skip the batch.
    """

    @app.agent(interactions, name="count", concurrency=1, supervisor_strategy=CrashingSupervisor)
    async def count(batches: Any) -> None:
        async for event in batches.noack().events():
            await tables.take(event.value, event.ack)

    return count
