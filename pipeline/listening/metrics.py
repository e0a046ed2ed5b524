"""The listeners' metrics. Labels come from small closed sets, never from ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)

FRAMES = Counter("twoway_listener_frames_total", "Frames received, by what became of them", ["platform", "outcome"])
CONNECTED = Gauge("twoway_listener_connected", "1 while the stream is open", ["platform"])
POSITION = Gauge(
    "twoway_listener_position_seconds", "Unix time up to which everything of the stream is in Kafka", ["platform"]
)
CONNECTS = Counter("twoway_listener_connects_total", "Times the stream was opened", ["platform"])
LOSSES = Counter("twoway_listener_losses_total", "Times the stream broke or could not be opened", ["platform", "cause"])
GAPS = Counter(
    "twoway_listener_gaps_total", "Times frames were missed for good, by how it showed", ["platform", "cause"]
)
ROUND_SECONDS = Histogram(
    "twoway_listener_round_seconds", "From a round of frames to Kafka's acknowledgement", ["platform"], buckets=_SECONDS
)
WAITS = Counter("twoway_listener_waits_total", "Rounds repeated because Kafka or Redis did not answer", ["platform"])
