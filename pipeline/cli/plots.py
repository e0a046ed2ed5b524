"""An account's insights as a picture, PNG or SVG, by matplotlib: the extra `plot`. Needs no display."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.insight_gaps import comparisons_gap, hours_gap, lifts_gap
from pipeline.cli.insight_tables import name_comparison
from pipeline.errors import QueryError
from pipeline.insights import Comparison, Insights
from pipeline.logs import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENDINGS = (".png", ".svg")
_BLUE, _GREY, _ORANGE = "#0072b2", "#999999", "#d55e00"  # told apart by the colour-blind, too (Okabe and Ito)
#: Of words: dark enough to be read on white.
_DARK_GREY = "#555555"
_LIFT_TOP = 4.0


def check_plot(path: Path) -> None:
    """Raise QueryError for a file that cannot be drawn: another ending, no such folder, or no matplotlib."""
    if path.suffix.lower() not in ENDINGS:
        raise QueryError(f"--plot is {str(path)!r}; expected a file that ends in .png or .svg")
    if not path.parent.is_dir():
        raise QueryError(f"--plot is {str(path)!r}; expected a folder that is there")
    if find_spec("matplotlib") is None:
        raise QueryError(
            "--plot needs matplotlib, which is not installed; expected twoway with its extra: twoway[plot]"
        )


def write_plot(found: Insights, path: Path) -> None:
    """Draw the insights into a file. Raises QueryError where it cannot be written."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A figure of its own, not pyplot: that looks for a display and keeps every figure.
    figure = Figure(figsize=(10, 11), layout="constrained")
    FigureCanvasAgg(figure)
    # What stands in ids and hashtags is text: matplotlib would read `$...$` as formulas.
    with rc_context({"text.parse_math": False, "svg.hashsalt": "twoway"}):
        figure.suptitle(f"{found.platform} {printable(found.account)}", parse_math=False)
        lifts, comments, hours = figure.subplots(3, 1, gridspec_kw={"height_ratios": [3, 3, 2]})
        compared = [one for one in (found.question, *found.labels) if one.posts][::-1]
        _draw_lifts(lifts, [one for one in compared if one.lift is not None], lifts_gap(found))
        _draw_comments(comments, compared, comparisons_gap(found))
        _draw_hours(hours, found)
        try:
            # Without the date, so that the same insights are the same file.
            figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
        except OSError as error:
            raise QueryError(
                f"--plot is {str(path)!r}: {error.strerror}; expected a file that can be written"
            ) from error


def _draw_lifts(axes: Axes, compared: list[Comparison], gap: str | None) -> None:
    axes.set_title("Comments per post against the other posts (lift, 95 % interval)", loc="left", fontsize="medium")
    if gap is not None:
        _say(axes, gap)
        return
    axes.axvline(1, color=_GREY, linewidth=1)
    for place, one in enumerate(compared):
        low, high = one.low or 0.0, _LIFT_TOP if one.high is None else min(one.high, _LIFT_TOP)
        axes.plot([min(low, _LIFT_TOP), high], [place, place], color=_BLUE, linewidth=3, solid_capstyle="round")
        axes.plot([min(one.lift or 0.0, _LIFT_TOP)], [place], "o", color=_ORANGE)
    axes.set_xlim(0, _LIFT_TOP)
    axes.set_yticks(range(len(compared)), [printable(name_comparison(one)) for one in compared])


def _draw_comments(axes: Axes, compared: list[Comparison], gap: str | None) -> None:
    axes.set_title("Comments per post (grey: the other posts)", loc="left", fontsize="medium")
    if gap is not None:
        _say(axes, gap)
        return
    places = range(len(compared))
    axes.barh([place + 0.2 for place in places], [one.comments_per_post or 0.0 for one in compared], 0.4, color=_BLUE)
    others = [one.other_comments_per_post or 0.0 for one in compared]
    axes.barh([place - 0.2 for place in places], others, 0.4, color=_GREY)
    axes.set_yticks(places, [f"{printable(name_comparison(one))} ({one.posts})" for one in compared])


def _draw_hours(axes: Axes, found: Insights) -> None:
    axes.set_title("Comments per post by hour of publication, UTC", loc="left", fontsize="medium")
    if gap := hours_gap(found):
        _say(axes, gap)
        return
    axes.bar([hour.hour for hour in found.hours], [hour.comments_per_post or 0.0 for hour in found.hours], color=_BLUE)
    axes.set_xticks(range(24))


def _say(axes: Axes, sentence: str) -> None:
    """A sentence in the place of a panel that would be empty."""
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=_DARK_GREY)
    axes.set_xticks([])
    axes.set_yticks([])
