"""The worker's metrics. Labels come from small closed sets, never from ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)
_EVENTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000)

INTERACTIONS = Counter("twoway_interactions_total", "Interactions that the worker took, by outcome", ["outcome"])
REFUSED = Counter("twoway_refused_total", "Records that could not be counted, by reason", ["reason"])
SLICE_EVENTS = Histogram("twoway_slice_events", "Events folded and applied together", buckets=_EVENTS)
FOLD_SECONDS = Histogram("twoway_fold_seconds", "Time to decode and fold a slice", buckets=_SECONDS)
APPLY_SECONDS = Histogram("twoway_apply_seconds", "Time of a slice's scripts in Redis, round trip", buckets=_SECONDS)
FRESH_EVENT_SECONDS = Histogram(
    "twoway_event_to_applied_seconds", "From event time to the row in Redis", buckets=_SECONDS
)
FRESH_RECEIVED_SECONDS = Histogram(
    "twoway_received_to_applied_seconds", "From receipt by the gateway to the row in Redis", buckets=_SECONDS
)
FENCES = Counter("twoway_fences_total", "Slices that were refused because another writer had been there")
RECOVERIES = Counter("twoway_recoveries_total", "Partitions read anew, by cause", ["cause"])
PAGES = Counter("twoway_pages_total", "Page look-ups of slices, by where the page was", ["found"])
CACHE_ENTRIES = Gauge("twoway_cache_entries", "Members and rows in memory, all partitions")
PUBLISHED = Counter("twoway_published_total", "Rows sent to an aggregate topic", ["entity"])
PUBLISH_SECONDS = Histogram("twoway_publish_seconds", "Time of one publication of a partition", buckets=_SECONDS)
ALERTS = Counter("twoway_alerts_total", "Alerts that the rules gave, by rule and state", ["rule", "state"])
LAG = Gauge("twoway_lag_records", "Records between the position and the end, by partition", ["partition"])
PARTITIONS = Gauge("twoway_partitions", "Partitions that this worker owns")
