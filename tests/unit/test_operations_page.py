"""`docs/operations.md` lists every metric that a role shows, with its meaning, and none besides."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from prometheus_client import REGISTRY

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
MODULES = (
    "pipeline.metrics",
    "pipeline.gateway.metrics",
    "pipeline.api.metrics",
    "pipeline.listening.metrics",
    "pipeline.notifying.metrics",
)


def shown() -> dict[str, str]:
    """Metric -> help, as Prometheus sees it; counters with the `_total` that they show."""
    for module in MODULES:
        import_module(module)
    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith("twoway_")]
    return {m.name + ("_total" if m.type == "counter" else ""): m.documentation for m in ours}


def test_every_metric_is_documented_with_its_meaning() -> None:
    """The table has the name, the labels and the same words as the code."""
    rows = re.findall(r"^\| `(twoway_\w+)` \| [^|]* \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == shown()
