"""What is remembered of a rule at a post or an account, and what the next word makes of it.

    nothing, or cleared and cooled down -- over --> fired -- under --> cleared

What rules of EXPIRING said also clears once nothing could be said for HOLD_MS. Between the two thresholds nothing
changes (hysteresis). After an alert has cleared none fires for the cool-down; where the word is still `over` then, it
fires then.
"""

from __future__ import annotations

import msgspec

from pipeline.alerting.sentences import expired_sentence, sentence
from pipeline.alerting.verdict import Verdict
from schemas.alert import Alert, AlertState, Rule, alert_id, cause_of
from schemas.engagement import Entity

#: A standing alert of EXPIRING of which nothing can be said for so long is over: nobody talks any more.
HOLD_MS = 86_400_000
#: Not of the others: where the audience is silent, or a comment waits, that less is known does not end it.
EXPIRING: frozenset[Rule] = frozenset({"ratio_shift", "ratioed"})
#: A cleared alert is remembered, and listed, for so long at the least.
RECENT_MS = 7 * 86_400_000


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """`last`: the newest transition; `judged_ms`: up to where the rule has spoken since."""

    last: Alert | None = None
    judged_ms: int = 0

    @property
    def is_standing(self) -> bool:
        return self.last is not None and self.last.state == "fired"

    @property
    def expires_ms(self) -> int | None:
        """When a standing alert is over by itself."""
        if self.last is None or not self.is_standing or self.last.rule not in EXPIRING:
            return None
        return self.judged_ms + HOLD_MS

    def cool_ms(self, cool_down_ms: int) -> int:
        """From when on it may fire (again)."""
        return 0 if self.last is None else self.last.time_ms + cool_down_ms

    def forgotten_ms(self, cool_down_ms: int) -> int | None:
        """When nothing of it is needed any more; None as long as it stands."""
        if self.last is None or self.is_standing:
            return None
        return self.last.time_ms + max(cool_down_ms, RECENT_MS)


class About(msgspec.Struct, frozen=True):
    """A rule at a post or an account."""

    rule: Rule
    entity: Entity
    platform: str
    account: str
    id: str


decode_state = msgspec.json.Decoder(State).decode
encode_state = msgspec.json.Encoder().encode


def expire(about: About, state: State, now_ms: int) -> tuple[State, Alert | None]:
    """Clear a standing alert of which nothing could be said for too long."""
    last, end_ms = state.last, state.expires_ms
    if last is None or end_ms is None or now_ms < end_ms:
        return state, None
    cleared = _alert(
        about, "cleared", last.since_ms, last.window, last.start_ms, end_ms, end_ms,
        (last.value, last.baseline, last.threshold, 0), expired_sentence(about.entity),
    )  # fmt: skip
    return State(cleared, end_ms), cleared


def step(about: About, state: State, verdict: Verdict, cool_down_ms: int) -> tuple[State, Alert | None]:
    """What a word makes of the state; and the alert, where it is a transition. Words come in the order of time: one
    that is no newer than the last changes nothing, but that it may take back what stands (numbers came late)."""
    last = state.last
    if last is not None and verdict.judged_ms <= state.judged_ms:
        takes_back = verdict.judged_ms == state.judged_ms and state.is_standing and verdict.level == "under"
        if not takes_back:
            return state, None
    numbers = (verdict.value, verdict.baseline, verdict.threshold, verdict.sample)
    place = (verdict.window, verdict.start_ms, verdict.end_ms, verdict.time_ms)
    if last is not None and state.is_standing:
        if verdict.level != "under":
            return State(last, verdict.judged_ms), None
        alert = _alert(about, "cleared", last.since_ms, *place, numbers)
    elif verdict.level == "over" and verdict.time_ms >= state.cool_ms(cool_down_ms):
        alert = _alert(about, "fired", verdict.since_ms, *place, numbers)
    else:
        return state, None
    return State(alert, verdict.judged_ms), alert


def _alert(
    about: About,
    state: AlertState,
    since_ms: int,
    window: str,
    start_ms: int | None,
    end_ms: int,
    time_ms: int,
    numbers: tuple[float, float | None, float, int],
    explanation: str | None = None,
) -> Alert:
    value, baseline, threshold, sample = numbers
    cause = cause_of(about.rule, about.entity, about.platform, about.id, since_ms)
    return Alert(
        id=alert_id(cause, state),
        cause=cause,
        rule=about.rule,
        state=state,
        platform=about.platform,
        account=about.account,
        entity=about.entity,
        post=about.id if about.entity == "post" else None,
        window=window,
        start_ms=start_ms,
        end_ms=end_ms,
        since_ms=since_ms,
        value=round(value, 6),
        baseline=None if baseline is None else round(baseline, 6),
        threshold=round(threshold, 6),
        sample=sample,
        explanation=explanation or sentence(about.rule, about.entity, state, *numbers),
        time_ms=time_ms,
    )
