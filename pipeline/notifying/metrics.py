"""Metrics of `twoway notify`. Labels come from small closed sets."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)

ALERTS = Counter("twoway_notify_alerts_total", "Alerts taken from the topic, by what became of them", ["outcome"])
ATTEMPTS = Counter("twoway_notify_attempts_total", "Requests to the receiver, by how they ended", ["result"])
ATTEMPT_SECONDS = Histogram("twoway_notify_attempt_seconds", "Time of one request to the receiver", buckets=_SECONDS)
WAITING = Gauge("twoway_notify_waiting", "Alerts that wait for their delivery")
