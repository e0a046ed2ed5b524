"""Deliveries under way: each alert tries on its own, so one that the receiver refuses does not hold up the others.

The two alerts of a cause stay in order: `cleared` waits for its `fired`. An alert is done when it was delivered, is too
old, or the receiver is gone; only then may its offset be committed.

1. Ask the ledger: delivered before a restart is done.
2. Deliver. A crash here: it is delivered again, with the same `webhook-id`.
3. Note it in the ledger. A crash here: the ledger knows, the offset does not.
"""

from __future__ import annotations

import asyncio
import logging

from pipeline.clock import Clock
from pipeline.errors import UnavailableError
from pipeline.listening.backoff import Backoff
from pipeline.notifying import metrics
from pipeline.notifying.ledger import Ledger
from pipeline.notifying.receiver import Receiver
from schemas.alert import Alert

logger = logging.getLogger("twoway.notify")

#: The ceilings of the waits between two attempts: 2 s, 4 s, 8 s, ... 15 min.
FIRST_S = 2.0
MOST_S = 900.0


class Deliveries:
    """Delivers alerts to a receiver."""

    def __init__(self, receiver: Receiver, ledger: Ledger, retry_ms: int, clock: Clock) -> None:
        self._receiver = receiver
        self._ledger = ledger
        self._retry_ms = retry_ms
        self._clock = clock
        self._of_cause: dict[str, asyncio.Task[None]] = {}
        #: The receiver said 410: nothing is sent to it until the next start.
        self.is_gone = False

    def start(self, alert: Alert) -> asyncio.Task[None]:
        """Deliver an alert; the task ends when it is done. To cancel it gives it up until it is read again."""
        before = self._of_cause.get(alert.cause)
        task = asyncio.create_task(self._deliver(alert, before), name=f"alert {alert.id}")
        self._of_cause[alert.cause] = task
        metrics.WAITING.inc()
        task.add_done_callback(lambda done: self._forget(alert.cause, done))
        return task

    def _forget(self, cause: str, task: asyncio.Task[None]) -> None:
        metrics.WAITING.dec()
        if self._of_cause.get(cause) is task:
            del self._of_cause[cause]

    async def _deliver(self, alert: Alert, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        backoff = Backoff(FIRST_S, MOST_S)
        told = False
        while True:
            try:
                outcome = "delivered" if told else await self._attempt(alert, backoff)
                if outcome == "delivered":
                    told = True
                    await self._ledger.note(alert.id)
            except UnavailableError as error:
                if backoff.is_fresh:
                    logger.warning("alert %s waits: %s", alert.id, error)
                await asyncio.sleep(backoff.next_s())
                continue
            if outcome:
                metrics.ALERTS.labels(outcome).inc()
                return

    async def _attempt(self, alert: Alert, backoff: Backoff) -> str:
        """What became of the alert; empty where it is to be tried again, after the wait."""
        if await self._ledger.is_told(alert.id):
            return "repeated"
        if self.is_gone:
            return "gone"
        if self._clock() - alert.time_ms > self._retry_ms:
            logger.warning("alert %s is given up: it is older than TWOWAY_ALERT_RETRY_HOURS", alert.id)
            return "expired"
        answer = await self._receiver.deliver(alert)
        if answer.outcome == "gone":
            logger.error("%s answers 410: it wants no alerts; none is sent until a restart", self._receiver.host)
            self.is_gone = True
        if answer.outcome != "again":
            return answer.outcome
        if backoff.is_fresh:
            logger.warning("alert %s was not taken by %s (%s); trying on", alert.id, self._receiver.host, answer.why)
        await asyncio.sleep(backoff.next_s(answer.wait_s))
        return ""
