"""Memory over time: samples, the slope of a line with its error, and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

#: Samples are taken together over so long: one after the other they are nearly the same, which would make the error of
#: a slope look smaller than it is.
BLOCK_S = 30.0
_COLOURS = {"gateway": "#0072b2", "worker": "#d55e00", "redis": "#999999", "redis data": "#009e73"}


@dataclass(frozen=True)
class Sample:
    """One look: seconds since the begin, bytes by name, webhooks taken and not taken so far."""

    passed_s: float
    bytes_of: dict[str, int]
    taken: int
    other: int


@dataclass(frozen=True)
class Slope:
    """MB an hour and its standard error; `at_mb`: the line's height at the begin of the run."""

    mb_per_hour: float
    error: float
    at_mb: float


def slope_of(samples: list[Sample], name: str, warm: float) -> Slope:
    """The line through the means of blocks, without the first `warm` of the time. Needs three blocks."""
    end_s = samples[-1].passed_s
    blocks: dict[int, list[Sample]] = {}
    for sample in samples:
        if sample.passed_s >= end_s * warm:
            blocks.setdefault(int(sample.passed_s / BLOCK_S), []).append(sample)
    if len(blocks) < 3:
        raise ValueError(f"{len(blocks)} blocks of {BLOCK_S:g} s after warming up; expected three: run for longer")
    hours = np.array([np.mean([s.passed_s for s in block]) / 3600 for block in blocks.values()])
    sizes = np.array([np.mean([s.bytes_of[name] for s in block]) / 1e6 for block in blocks.values()])
    slope, begin = np.polyfit(hours, sizes, 1)
    rest = sizes - (slope * hours + begin)
    spread = np.sqrt(np.sum(rest**2) / (len(hours) - 2) / np.sum((hours - hours.mean()) ** 2))
    return Slope(float(slope), float(spread), float(begin))


def draw(samples: list[Sample], slopes: dict[str, Slope], warm: float, path: Path) -> None:
    """Memory by name with its line, and below it the webhooks a second."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    with rc_context({"svg.hashsalt": "twoway"}):
        sizes, rates = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
        shown = samples[:: max(1, len(samples) // 300)]
        minutes = [sample.passed_s / 60 for sample in shown]
        warm_min, end_min = minutes[-1] * warm, minutes[-1]
        for name, slope in slopes.items():
            colour = _COLOURS.get(name)
            label = f"{name}: {slope.mb_per_hour:+.1f} ± {slope.error:.1f} MB an hour"
            sizes.plot(minutes, [sample.bytes_of[name] / 1e6 for sample in shown], color=colour, label=label)
            line = [slope.at_mb + slope.mb_per_hour * minute / 60 for minute in (warm_min, end_min)]
            sizes.plot([warm_min, end_min], line, color="black", linewidth=0.8, linestyle="dashed")
        sizes.axvspan(0, warm_min, color="#999999", alpha=0.15)
        sizes.set_ylabel("MB")
        sizes.set_ylim(bottom=0)
        sizes.legend(loc="upper left", fontsize="small")
        steps = list(pairwise(shown))
        rates.plot(minutes[1:], [(b.taken - a.taken) / (b.passed_s - a.passed_s) for a, b in steps], color="#0072b2")
        rates.set_ylim(bottom=0)
        rates.set_ylabel("webhooks/s")
        rates.set_xlabel("minutes")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
