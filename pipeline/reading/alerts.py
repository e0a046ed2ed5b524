"""Alerts as they stand in Redis: of each rule at each post and account the newest transition, newest first."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from pipeline.access.grants import Grant
from pipeline.alerting.state import decode_state
from pipeline.errors import QueryError, StateError
from pipeline.reading.lookups import redis_answers
from pipeline.slots import SLOTS
from pipeline.store.keys import Keys
from schemas.alert import Alert
from schemas.interaction import Count, TimeMs

Which = Literal["all", "standing", "cleared"]
WHICH: tuple[str, ...] = get_args(Which)
#: Alerts that one question gives: about 400 KB.
ALERTS_MAX = 1_000
#: Slots read in one round trip.
SLOTS_AT_ONCE = 64


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first. `standing`: how many of all that were asked for stand, also of those beyond the limit;
    `known`: how many there are. A cleared one is known for a week. `now_ms`: when was asked."""

    alerts: list[Alert]
    standing: Count
    known: Count
    now_ms: TimeMs


class AlertBook:
    """Reads the states of the rules. Raises what Lookups raises."""

    def __init__(self, redis: Any, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def read(
        self, platform: str | None, account: str | None, which: Which, limit: int, now_ms: int, grant: Grant
    ) -> Alerts:
        """Alerts of an account and its posts, of a platform, or of all that the grant holds."""
        slots = range(SLOTS) if platform is None or account is None else [self._keys.slot(platform, account)]
        found: list[Alert] = []
        for start in range(0, len(slots), SLOTS_AT_ONCE):
            for slot, states in zip(slots[start : start + SLOTS_AT_ONCE], await self._read(slots, start), strict=True):
                found += [alert for value in states if (alert := _last(value, self._keys.alerts[slot])) is not None]
        wanted = [
            alert
            for alert in found
            if platform in (None, alert.platform)
            and account in (None, alert.account)
            and grant.holds(alert.platform, alert.account)
            and (which == "all" or (alert.state == "fired") == (which == "standing"))
        ]
        wanted.sort(key=lambda alert: (-alert.time_ms, alert.id))
        return Alerts(
            alerts=wanted[:limit],
            standing=sum(alert.state == "fired" for alert in wanted),
            known=len(wanted),
            now_ms=now_ms,
        )

    async def _read(self, slots: Any, start: int) -> list[list[str]]:
        pipe = self._redis.pipeline(transaction=False)
        for slot in slots[start : start + SLOTS_AT_ONCE]:
            pipe.hvals(self._keys.alerts[slot])
        with redis_answers(self._redis):
            answers: list[list[str]] = await pipe.execute()
            return answers


def check_which(text: str) -> Which:
    """Raises QueryError."""
    if text not in WHICH:
        raise QueryError(f"state is {text[:100]!r}; expected one of {', '.join(WHICH)}")
    return text  # type: ignore[return-value]


def _last(value: str, key: str) -> Alert | None:
    try:
        return decode_state(value).last
    except msgspec.MsgspecError as error:
        raise StateError(f"a state in {key} cannot be read; expected what docs/redis.md describes") from error
