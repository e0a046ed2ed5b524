"""The gateway's metrics. Labels come from small closed sets, never from ids."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

DELIVERIES = Counter("twoway_gateway_deliveries_total", "Requests answered, by status", ["platform", "status"])
INTERACTIONS = Counter(
    "twoway_gateway_interactions_total",
    "Interactions that Kafka acknowledged, and records that were kept as rejected",
    ["platform", "kind", "action"],
)
IGNORED = Counter("twoway_gateway_ignored_total", "Items that count for nothing, by reason", ["platform", "reason"])
REFUSALS = Counter("twoway_gateway_refusals_total", "Signatures and handshakes refused", ["platform", "reason"])
REJECTED = Counter("twoway_gateway_rejected_total", "Deliveries and items kept as rejected", ["platform", "stage"])
DELIVERY_SECONDS = Histogram(
    "twoway_gateway_delivery_seconds", "From the whole request read to its answer", buckets=_SECONDS
)
PRODUCE_SECONDS = Histogram("twoway_gateway_produce_seconds", "Time of a batch until Kafka's ack", buckets=_SECONDS)
PRODUCE_FAILURES = Counter("twoway_gateway_produce_failures_total", "Batches that failed, or were given up as late")
PRODUCERS = Counter("twoway_gateway_producers_total", "Producers opened: the first, and one after every fatal error")
IN_FLIGHT_BYTES = Gauge("twoway_gateway_in_flight_bytes", "Bodies and records held in memory")
LOOKUPS = Counter("twoway_gateway_directory_lookups_total", "Ids asked of the directory", ["found"])
MEMORIES = Counter("twoway_gateway_directory_writes_total", "Ids written to the directory")
DIRECTORY_FAILURES = Counter("twoway_gateway_directory_failures_total", "Times that Redis did not answer")
SOCKETS = Gauge("twoway_gateway_sockets", "Open connections of senders")
SOCKETS_CLOSED = Counter(
    "twoway_gateway_sockets_closed_total", "Connections closed: slow, too many, or no HTTP of ours", ["reason"]
)
CONNECTIONS = Gauge("twoway_gateway_connections", "Connections in force")
RELOADS = Counter("twoway_gateway_connections_reloads_total", "Times the connections file was read anew", ["outcome"])
KEY_FETCHES = Counter("twoway_gateway_key_fetches_total", "Public keys asked for at other servers", ["outcome"])
LEASE_END = Gauge(
    "twoway_gateway_lease_end_seconds", "When the first subscription of a connection ends, Unix seconds", ["connection"]
)


@cache
def delivered(platform: str, status: int) -> Counter:
    """The counter of a platform's answers with a status; `labels` costs more than the count itself."""
    return DELIVERIES.labels(platform, str(status))


@cache
def interactions(platform: str, kind: str, action: str) -> Counter:
    """The counter of a platform's interactions of a kind."""
    return INTERACTIONS.labels(platform, kind, action)
