"""Growth as bars in the terminal and as one SVG a series."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from rich.table import Table

from bench.growth_run import Grown, Look, cost

BAR = 30
#: Parts of the viral post's run of which each has a cost of its own.
PARTS = 10
_BLUE, _ORANGE = "#0072b2", "#d55e00"


def lines(series: Sequence[Grown]) -> list[tuple[str, float, float, float]]:
    """Label, CPU-us of worker and of Redis for an event, and bytes of a page in Redis, of each point; of the viral
    post, of each tenth of the way, with the bytes that an interaction holds."""
    if series and series[0].point.series == "viral":
        return parts(series[0])
    return [(one.point.label, one.worker_us, one.redis_us, one.redis_page_bytes) for one in series]


def parts(grown: Grown) -> list[tuple[str, float, float, float]]:
    """A run cut into tenths of its events, as far as looks fall into them."""
    chosen: list[Look] = []
    for look in grown.looks:
        if not chosen or look.applied - chosen[-1].applied >= grown.point.events / PARTS or look is grown.looks[-1]:
            chosen.append(look)
    return [
        (f"{after.applied:,}", *cost(before, after), (after.used - grown.empty_used) / after.applied)
        for before, after in pairwise(chosen)
        if after.applied > before.applied
    ]


def bars(title: str, series: Sequence[Grown]) -> Table:
    """CPU-us for an event as bars: worker full, Redis light."""
    rows = lines(series)
    most = max((worker + redis for _, worker, redis, _ in rows), default=1.0) or 1.0
    table = Table("point", "CPU-us an event", title=title)
    for heading in ("worker", "Redis", "bytes"):
        table.add_column(heading, justify="right")
    for label, worker, redis, size in rows:
        full, light = round(worker / most * BAR), round(redis / most * BAR)
        table.add_row(label, "█" * full + "░" * light, f"{worker:.2f}", f"{redis:.2f}", f"{size:,.0f}")
    return table


def draw(title: str, series: Sequence[Grown], path: Path) -> None:
    """The same as a picture."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = lines(series)
    places, labels = range(len(rows)), [label for label, *_ in rows]
    workers, servers = [row[1] for row in rows], [row[2] for row in rows]
    figure = Figure(figsize=(8, 1.6 + 0.45 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    with rc_context({"svg.hashsalt": "twoway"}):
        axes = figure.subplots()
        axes.barh(places, workers, color=_BLUE, label="worker")
        axes.barh(places, servers, left=workers, color=_ORANGE, label="Redis")
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.set_xlabel("CPU-us an event")
        axes.set_title(title)
        axes.legend(loc="lower right", fontsize="small")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
