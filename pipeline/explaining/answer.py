"""What `twoway explain` answers: frozen, typed, and the same as a table and as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.engagement import Entity
from schemas.interaction import Action, Kind, TimeFrom

#: The verdict where the topic and Redis say the same.
AGREES = "agrees"

Outcome = Literal["standing", "repeated", "superseded", "removed", "removal", "elsewhere", "waiting"]
#: Each outcome and what it says of an interaction, in the order in which they are shown.
OUTCOMES: dict[Outcome, str] = {
    "standing": "stands, so it counts here",
    "repeated": "says once more what another record says",
    "superseded": "its object stands by another record: an edit, an older add",
    "removed": "taken back",
    "removal": "takes something back",
    "elsewhere": "its object counts in another window",
    "waiting": "not counted yet by the workers",
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The record that decides what an object is (of its states the greatest), or that answers a comment."""

    partition: int
    offset: int
    time_ms: int
    action: Action


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One interaction, its outcome and the column that it would count in.

    `late`: when it arrived its row of the finest size was past its retention. `decided_by`: for what does not stand,
    the record that decided so. `answered_by`: for a comment of the audience that stands, the record of the account's
    first reply; null while it waits for one. `reply_ms`: how long that took; `reply_within_s`: the upper end of the
    bucket of reply times that it counts in, null also in the last one, beyond a week.
    """

    column: str
    outcome: Outcome
    time_ms: int
    time_from: TimeFrom
    kind: Kind
    action: Action
    post: str | None
    id: str
    actor: str | None
    own: bool
    late: bool
    partition: int
    offset: int
    decided_by: Decision | None
    answered_by: Decision | None = None
    reply_ms: int | None = None
    reply_within_s: int | None = None


class RejectedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of `interactions.rejected` about the page. `time_ms`: when it was rejected; `event_ms`: event time,
    null where the bytes do not tell it."""

    stage: str
    reason: str
    time_ms: int
    event_ms: int | None
    source: str


class ColumnSum(msgspec.Struct, frozen=True, kw_only=True):
    """A column, or `answered`: what stands by the topic, what Redis holds (null: the row is not kept any more), and
    the verdict."""

    column: str
    topic: int
    redis: int | None
    verdict: str

    @property
    def differs(self) -> bool:
        """Whether Redis holds another number than the topic gives."""
        return self.redis is not None and self.redis != self.topic


class ReplyTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the answered comments got their first reply within each bucket (schemas.engagement.REPLY_TIMES_S),
    zeros at the end left out: by the topic, in Redis (null: the row is not kept any more)."""

    topic: tuple[int, ...]
    redis: tuple[int, ...] | None
    verdict: str


class EngagedSum(msgspec.Struct, frozen=True, kw_only=True):
    """Distinct actors of the audience: exactly by the topic, estimated in Redis (null: not kept any more)."""

    topic: int
    redis: int | None
    verdict: str


class PolledSum(msgspec.Struct, frozen=True, kw_only=True):
    """A number that the platform gave when it was asked: by the topic and in Redis, null where one has none.

    `posts`: how many posts' numbers it is the sum of; `partition` and `offset`: its record, null for a sum of several.
    `is_shown`: it is what answers show under the number's name, for the platform's events do not tell it (source
    `totals`); else what was counted is shown, and this stands beside it.
    """

    number: str
    topic: int | None
    topic_as_of_ms: int | None
    redis: int | None
    redis_as_of_ms: int | None
    posts: int
    partition: int | None
    offset: int | None
    is_shown: bool
    verdict: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Which interactions make up the numbers of one window of one page.

    `counts`: outcome -> column -> interactions whose own time lies in the window; `late` of them were late.
    `interactions`: the newest of each outcome and column. `reply_times`: of those that are answered. `engaged`: null
    where they are not counted for this window; `polled`: of all time only. `begins`: partitions whose oldest records
    are deleted, and the first offset that is left. `read`: records that were looked at.
    """

    entity: Entity
    platform: str
    id: str
    account: str
    window: str
    start_ms: int | None
    end_ms: int | None
    columns: list[ColumnSum]
    reply_times: ReplyTimes
    engaged: EngagedSum | None
    polled: list[PolledSum]
    counts: dict[str, dict[str, int]]
    late: int
    interactions: list[Listed]
    rejected: dict[str, int]
    rejected_records: list[RejectedRecord]
    begins: dict[int, int]
    read: int
