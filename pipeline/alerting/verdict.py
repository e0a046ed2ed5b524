"""A rule's word on one look at a post or an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `over`: an alert begins or stands; `between`: what stands goes on standing; `under`: what stands is over; `unknown`:
#: too little to say anything.
Level = Literal["over", "between", "under", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word and the numbers that it rests on, in the rule's unit (`schemas.alert.Alert`).

    `since_ms` names the cause, should an alert begin here; `time_ms` is the moment at which the word held, `judged_ms`
    up to where it covers: what ends there or before is not judged again while an alert stands or cools down.
    """

    level: Level
    since_ms: int
    window: str
    start_ms: int | None
    end_ms: int
    time_ms: int
    judged_ms: int
    value: float
    baseline: float | None
    threshold: float
    sample: int
