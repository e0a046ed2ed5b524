"""Progress: how far one partition is taken and published, in offsets and in time.

Time passes by its events; where nothing arrives any more, by the wall clock.
"""

from __future__ import annotations

from pipeline.clock import Clock
from pipeline.publishing.closing import watermark_ms
from pipeline.settings import Settings

#: A partition without a record for so long is quiet: its windows close by the wall clock.
QUIET_MS = 2_000
#: The same where Kafka said that there is more: offsets that no record has (markers of transactions) never come.
STALLED_MS = 60_000
#: How many times longer a partition that is catching up waits between two publications.
CATCHING_UP = 5


class Progress:
    """`position` is the next offset to take; `published_to` where to go back to after a loss of memory: everything
    below it is applied and published."""

    def __init__(self, settings: Settings, clock: Clock, steady: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.steady = steady
        self.position = 0
        self.published_to = 0
        #: How many offsets Kafka has from the position on.
        self.lag = 0
        self.newest_event_ms = 0
        #: Of the newest publication, also a former owner's: what was told as final stays so.
        self.told_ms = 0
        # Of the steady clock: an hour that the wall clock is set back is no hour without publications.
        self.last_taken_ms = self.last_published_ms = steady()

    def taken(self, highwater: int) -> None:
        """A batch was taken, up to the position; `highwater` is Kafka's end."""
        self.last_taken_ms = self.steady()
        self.lag = max(0, highwater - self.position)

    def excuse(self) -> None:
        """That nothing arrives from a Kafka that is away does not mean that nothing happens."""
        self.last_published_ms = self.last_taken_ms = self.steady()

    @property
    def is_catching_up(self) -> bool:
        """Whether more is waiting in Kafka than one fetch brings."""
        return self.lag > self.settings.fetch_events

    @property
    def is_due(self) -> bool:
        """A partition that is catching up publishes less often: every row of it is about to change again."""
        every_s = self.settings.publish_s * (CATCHING_UP if self.is_catching_up else 1)
        return self.steady() - self.last_published_ms >= every_s * 1000

    def watermark_ms(self) -> int:
        """Up to where it is counted now, by this owner."""
        return watermark_ms(self.newest_event_ms, self.clock(), quiet=self._is_quiet())

    def _is_quiet(self) -> bool:
        """Whether nothing arrives any more, so that time passes by the clock. Where there is more to read and it does
        not come (Kafka is away, or was a moment ago) the clock knows nothing."""
        return self.steady() - self.last_taken_ms > (STALLED_MS if self.lag else QUIET_MS)
