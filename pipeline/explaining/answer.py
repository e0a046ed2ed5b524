"""What `twoway explain` answers: frozen, typed, and the same as a table and as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.engagement import Entity
from schemas.interaction import Action, Kind, TimeFrom

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
    first reply; null while it waits for one.
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


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Which interactions make up the numbers of one window of one page.

    `counts`: outcome -> column -> interactions whose own time lies in the window; `late` of them were late.
    `interactions`: the newest of each outcome and column. `begins`: partitions whose oldest records are deleted, and
    the first offset that is left. `read`: records that were looked at.
    """

    entity: Entity
    platform: str
    id: str
    account: str
    window: str
    start_ms: int | None
    end_ms: int | None
    columns: list[ColumnSum]
    counts: dict[str, dict[str, int]]
    late: int
    interactions: list[Listed]
    rejected: dict[str, int]
    rejected_records: list[RejectedRecord]
    begins: dict[int, int]
    read: int
