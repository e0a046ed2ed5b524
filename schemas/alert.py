"""The record of `engagement.alerts`: something about a post or an account changed enough to be told.

One record a transition: `fired` when it begins, `cleared` when it is over. The key is the alert's `id`, which follows
from the rule, the post or account and the beginning of its cause: the same transition told twice is the same record.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.engagement import Entity
from schemas.interaction import END, Account, Id, Platform, TimeMs

Rule = Literal["ratio_shift", "ratioed", "queue_growth", "queue_age", "silent"]
AlertState = Literal["fired", "cleared"]

CAUSE_BYTES = 12


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A rule's word on a post (`post` is its id) or an account (`post` is null).

    `cause` is the same for an alert's `fired` and its `cleared`. `since_ms`: when the cause began; `window`,
    `start_ms` (null for `all`) and `end_ms`: what was looked at. `value`, `baseline` (null where the rule has none)
    and `threshold` are in the rule's unit: a conversation share (ratio_shift), comments / likes (ratioed), comments
    (queue_growth), minutes (queue_age, silent). `sample`: the number of interactions, comments or windows that the
    word rests on. `time_ms`: the moment, in event time, at which it held.
    """

    id: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{24}}-(fired|cleared){END}")]
    cause: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{24}}{END}")]
    rule: Rule
    state: AlertState
    platform: Platform
    account: Account
    entity: Entity
    post: Id | None
    window: str
    start_ms: TimeMs | None
    end_ms: TimeMs
    since_ms: TimeMs
    value: float
    baseline: float | None
    threshold: float
    sample: Annotated[int, Meta(ge=0)]
    explanation: str
    time_ms: TimeMs


decode_alert = msgspec.json.Decoder(Alert).decode
encode_alert = msgspec.json.Encoder().encode


def cause_of(rule: Rule, entity: Entity, platform: str, entity_id: str, since_ms: int) -> str:
    """The 24 hex digits that stand for a cause: a rule, a post or account, and when it began."""
    name = "\x00".join((rule, entity, platform, entity_id, str(since_ms)))
    return blake2b(name.encode(), digest_size=CAUSE_BYTES).hexdigest()


def alert_id(cause: str, state: AlertState) -> str:
    """The id of a cause's transition, also its record key and the `webhook-id` of its delivery."""
    return f"{cause}-{state}"
