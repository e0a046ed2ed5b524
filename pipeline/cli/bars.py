"""Bars and intervals of one line in a terminal. Pure."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_LINE, _POINT, _ONE, _BEYOND = "─", "●", "┊", "→"


def bar(value: float | None, top: float, width: int) -> str:
    """A bar of up to `width` characters, `top` being the longest; empty for None."""
    if value is None or top <= 0:
        return ""
    eighths = round(max(0.0, min(1.0, value / top)) * width * 8)
    return (_FULL * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def interval(low: float, value: float, high: float | None, top: float, width: int) -> str:
    """`  ┊ ──●────`: the interval from 0 to `top`, its value, and where 1 is; an arrow where it goes on beyond."""
    signs = [" "] * width
    last = width - 1

    def place(number: float) -> int:
        return min(last, round(number / top * last))

    signs[place(1.0)] = _ONE
    end = place(top if high is None else high)
    for at in range(place(low), end + 1):
        signs[at] = _LINE
    if high is None or high > top:
        signs[last] = _BEYOND
    signs[place(value)] = _POINT
    return "".join(signs).rstrip()
