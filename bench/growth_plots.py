"""Growth as bars in the terminal and as one SVG a series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table

from bench.growth_figures import Grown, Step, steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 30
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#666666"
#: Of the runs of the viral post, one after the other.
_LINES = ("solid", "dashed")


class Line(NamedTuple):
    """CPU-us of worker and of Redis for an event; bytes in Redis, of a page or, for the viral post, of an event."""

    label: str
    worker_us: float
    redis_us: float
    redis_bytes: float


def lines(series: Sequence[Grown]) -> list[Line]:
    """One of each point; of a viral post, of each step of its way."""
    if series and series[0].point.posts == 1:
        return [_line_of(grown, step) for grown in series for step in steps(grown)]
    return [Line(one.point.label, one.worker_us, one.redis_us, one.redis_page_bytes) for one in series]


def _line_of(grown: Grown, step: Step) -> Line:
    label = f"{step.applied:,} ({grown.point.cache_entries:,} kept)"
    return Line(label, step.worker_us, step.redis_us, step.used / step.applied)


def bars(title: str, series: Sequence[Grown]) -> Table:
    """CPU-us for an event as bars: worker full, Redis light."""
    rows = lines(series)
    most = max((row.worker_us + row.redis_us for row in rows), default=1.0) or 1.0
    table = Table("point", "CPU-us an event", title=title)
    for heading in ("worker", "Redis", "bytes"):
        table.add_column(heading, justify="right")
    for label, worker, server, size in rows:
        full, light = round(worker / most * BAR), round(server / most * BAR)
        table.add_row(label, "█" * full + "░" * light, f"{worker:.2f}", f"{server:.2f}", f"{size:,.0f}")
    return table


def draw(title: str, series: Sequence[Grown], path: Path) -> None:
    """The same as a picture, with what else grows beside it; of a viral post its lines, with the memory below."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    is_viral = series[0].point.posts == 1
    figure = Figure(figsize=(8, 6.5) if is_viral else (11, 1.6 + 0.45 * len(series)), layout="constrained")
    FigureCanvasAgg(figure)
    with rc_context({"svg.hashsalt": "twoway"}):
        if is_viral:
            _draw_way(title, series, figure.subplots(2, 1, sharex=True))
        else:
            costs, beside = figure.subplots(1, 2, sharey=True)
            _draw_costs(title, series, costs)
            if series[0].point.series == "partitions":
                _draw_speed(series, beside)
            else:
                _draw_pages(series, beside)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _draw_costs(title: str, series: Sequence[Grown], axes: Axes) -> None:
    rows = lines(series)
    places, workers = range(len(rows)), [row.worker_us for row in rows]
    axes.barh(places, workers, color=_BLUE, label="worker")
    axes.barh(places, [row.redis_us for row in rows], left=workers, color=_ORANGE, label="Redis")
    axes.set_yticks(places, [row.label for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("CPU-us an event")
    axes.set_title(title)
    axes.legend(loc="lower right", fontsize="small")


def _draw_pages(series: Sequence[Grown], axes: Axes) -> None:
    """Bytes of a page: what Redis keeps of it, and what the worker does."""
    places = range(len(series))
    axes.barh([place - 0.2 for place in places], [one.worker_page_bytes for one in series], 0.4, color=_BLUE)
    axes.barh([place + 0.2 for place in places], [one.redis_page_bytes for one in series], 0.4, color=_ORANGE)
    axes.set_xlabel("bytes a page")


def _draw_speed(series: Sequence[Grown], axes: Axes) -> None:
    axes.barh(range(len(series)), [one.events_per_s for one in series], color=_GREY)
    axes.set_xlabel("events/s, all workers on the same cores")


def _draw_way(title: str, series: Sequence[Grown], both: Sequence[Axes]) -> None:
    """CPU time of an event above, bytes below, over the events of the post that are counted."""
    costs, sizes = both
    for grown, style in zip(series, _LINES, strict=False):
        way = steps(grown)
        millions, kept = [step.applied / 1e6 for step in way], grown.point.cache_entries
        for axes, name, colour, values in (
            (costs, "worker", _BLUE, [step.worker_us for step in way]),
            (costs, "Redis", _ORANGE, [step.redis_us for step in way]),
            (sizes, "worker, resident", _BLUE, [step.rss / 2**20 for step in way]),
            (sizes, "Redis, data", _ORANGE, [step.used / 2**20 for step in way]),
        ):
            axes.plot(millions, values, color=colour, linestyle=style, marker=".", label=f"{name}, {kept:,} kept")
        if kept < grown.point.events:
            for axes in both:
                axes.axvline(kept / 1e6, color=_GREY, linewidth=0.8, linestyle="dotted")
    costs.set_title(title)
    costs.set_ylabel("CPU-us an event")
    sizes.set_ylabel("MiB")
    sizes.set_xlabel("interactions of the post that are counted, millions")
    for axes in both:
        axes.set_ylim(bottom=0)
        axes.legend(fontsize="small")
