"""How numbers look in a terminal: sparklines, ratios, thousands, ages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from schemas.engagement import REPLY_LONGER_MS

_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"
_AGES = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def sparkline(values: Sequence[float | None]) -> str:
    """One character a value, scaled from 0 to the largest; `·` for None."""
    top = max((value for value in values if value is not None), default=0.0)
    return "".join(_GAP if value is None else _bar(value, top) for value in values)


def ratio(value: float | None) -> str:
    """Three significant digits without an exponent: `0.0125`, `1.07`, `312`; `-` for None."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    if value == 0:
        return "0.00"
    return f"{value:.{max(0, 2 - floor(log10(value)))}f}"


def thousands(value: int) -> str:
    """`1,234,567`."""
    return f"{value:,}"


def age(milliseconds: int) -> str:
    """How long ago in one unit: `0.4 s`, `12 s`, `5 m`, `3 h`, `2 d`; `now` for what lies in the future."""
    seconds = milliseconds / 1000
    if seconds < 0:
        return "now"
    if seconds < 10:
        return f"{seconds:.1f} s"
    size, unit = next((size, unit) for size, unit in _AGES if seconds >= size)
    return f"{int(seconds // size)} {unit}"


def lasting(milliseconds: int | None) -> str:
    """A length of time in one unit: `7.5 s`, `42 s`, `1.4 m`, `12 m`; `-` for None."""
    if milliseconds is None:
        return "-"
    seconds = milliseconds / 1000
    size, unit = next(((size, unit) for size, unit in _AGES if seconds >= size), _AGES[-1])
    # Cut, not rounded: 59.96 minutes are not an hour.
    tenths = milliseconds // (size * 100)
    return f"{tenths / 10:.1f} {unit}" if tenths < 100 else f"{tenths // 10} {unit}"


def replied_in(milliseconds: int | None) -> str:
    """The end of a bucket of reply times: `15 s`, `2 m`, `1.5 h`, `> 7 d`; `-` for None."""
    if milliseconds == REPLY_LONGER_MS:
        return f"> {replied_in(milliseconds - 1)}"
    return lasting(milliseconds).replace(".0 ", " ")


def replied_within(milliseconds: int | None) -> str:
    """The same in a sentence: `within 2 m`, `after more than 7 d`."""
    if milliseconds == REPLY_LONGER_MS:
        return f"after more than {replied_in(milliseconds - 1)}"
    return f"within {replied_in(milliseconds)}"


def _bar(value: float, top: float) -> str:
    return _BARS[0] if top <= 0 else _BARS[min(len(_BARS) - 1, int(value / top * (len(_BARS) - 1) + 0.5))]
