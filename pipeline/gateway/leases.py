"""Subscriptions that end by themselves: until when each was confirmed, as metric and in the log.

Only what this process confirmed since its start. Somebody else renews them; here it is seen when nobody does.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from pipeline.gateway import metrics
from pipeline.logs import printable
from pipeline.sources.delivery import Lease

logger = logging.getLogger("twoway.gateway")


class Leases:
    """The ends of confirmed subscriptions, by connection and account."""

    def __init__(self) -> None:
        self._ends_s: dict[str, dict[str, int]] = {}

    def confirm(self, connection: str, accounts: frozenset[str], lease: Lease, now_ms: int) -> None:
        """Take down a subscription that was just confirmed; the metric tells the earliest end of the connection."""
        ends = {
            account: end_s for account, end_s in self._ends_s.get(connection, {}).items() if account in accounts
        } | {lease.account: now_ms // 1000 + lease.seconds}
        self._ends_s[connection] = ends
        metrics.LEASE_END.labels(connection).set(min(ends.values()))
        until = datetime.fromtimestamp(ends[lease.account], UTC).isoformat(timespec="seconds")
        logger.info("connection %s: subscription of %s confirmed until %s", connection, printable(lease.account), until)
