"""What a worker's own metrics say: how long its slices took, and how many pages it loaded."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.request import urlopen

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

FOLD, APPLY = "twoway_fold_seconds", "twoway_apply_seconds"
PAGES = "twoway_pages"


@dataclass(frozen=True)
class Took:
    """Of a histogram: `p99_below_ms` is the upper bound of the bucket in which the 99th percentile lies."""

    count: int
    mean_ms: float
    p99_below_ms: float


def slices(port: int) -> dict[str, Took]:
    """What folding and applying took, by metric, from `/metrics` of the worker on this port."""
    families = _families(port)
    return {name: _took(families[name].samples) for name in (FOLD, APPLY)}


def pages_loaded(port: int) -> int:
    """How many pages the worker on this port has loaded so far: of which none was in its memory."""
    return int(sum(s.value for s in _families(port)[PAGES].samples if s.labels.get("found") == "loaded"))


def _families(port: int) -> dict[str, Metric]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def _took(samples: list[object]) -> Took:
    by_name: dict[str, list[tuple[float, float]]] = {}
    for sample in samples:
        bound = float(sample.labels.get("le", "inf"))  # type: ignore[attr-defined]
        by_name.setdefault(sample.name.rpartition("_")[2], []).append((bound, sample.value))  # type: ignore[attr-defined]
    count, total = by_name["count"][0][1], by_name["sum"][0][1]
    below = next(bound for bound, seen in sorted(by_name["bucket"]) if seen >= 0.99 * count)
    return Took(int(count), total / count * 1000, below * 1000)
