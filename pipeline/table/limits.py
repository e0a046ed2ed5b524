"""What Kafka still holds of the partitions, against what is counted of them. Where a topic lacks what is to be counted
the worker stops, unless it is told to count what remains."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiokafka.errors import KafkaError

from pipeline.errors import StateError
from pipeline.settings import Settings
from pipeline.table.table import Table
from schemas.topics import INTERACTIONS

log = logging.getLogger("twoway.worker")

#: Of each partition the first offset that Kafka still holds, and the offset after its last. For all at once: the answer
#: waits behind a fetch that is under way.
AskLimits = Callable[[Iterable[int]], Awaitable[Mapping[int, tuple[int, int]]]]


class Limits:
    """The first and the last offsets of partitions."""

    def __init__(self, settings: Settings, ask: AskLimits) -> None:
        self.settings = settings
        self.ask = ask

    async def beginning(self, table: Table) -> int:
        """The first offset that Kafka still holds, 0 where it does not answer. Raises StateError where the topic does
        not hold what comes next."""
        try:
            earliest, end = (await self.ask([table.partition]))[table.partition]
        except KafkaError:
            return 0
        self.check(table, earliest, end, max(table.progress.position, table.applied_to))
        return earliest

    def check(self, table: Table, earliest: int, end: int, goes_on: int) -> None:
        """Raises StateError where the topic does not hold all that is to be counted, from offset `goes_on` on."""
        name = f"{self.settings.topic(INTERACTIONS.name)}[{table.partition}]"
        applied = table.writer.applied_most
        if applied > end:
            raise StateError(
                f"{name} ends at offset {end}, but Redis has applied up to {applied}: the topic was cut or made anew. "
                "Count into an empty Redis or another TWOWAY_KEY_PREFIX, or restore the topic"
            )
        if goes_on < earliest:
            if not self.settings.from_earliest:
                raise StateError(
                    f"{name} begins at offset {earliest}, but counting has to go on at {goes_on}: Kafka's "
                    "retention dropped what lies between. Set TWOWAY_FROM_EARLIEST=true to count what remains"
                )
            log.warning("%s: offsets %d to %d are gone and stay uncounted", name, goes_on, earliest - 1)
