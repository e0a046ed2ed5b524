"""What a page must hold, as the oracle says it."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.interaction import Interaction

Counts = tuple[int, ...]
Polled = tuple[int, int]


@dataclass(frozen=True)
class PageName:
    """A page: its slot, `post` or `account`, the platform, and the id as the platform writes it."""

    slot: int
    entity: str
    platform: str
    id: str


@dataclass
class Published:
    """The records that publish or edit a post: the earliest and the newest time, and the newest ones themselves."""

    first_ms: int
    newest_ms: int
    newest: list[Interaction]

    def take(self, event: Interaction) -> None:
        self.first_ms = min(self.first_ms, event.time_ms)
        if event.time_ms > self.newest_ms:
            self.newest_ms, self.newest = event.time_ms, [event]
        elif event.time_ms == self.newest_ms:
            self.newest.append(event)


@dataclass(frozen=True)
class ExpectedPage:
    """What a page must hold. `rows`: window code -> counts in the order of COLUMNS, only rows that are not all 0, and
    always the row of all time. `polled`: number -> (value, time_ms). `account` is None on an account's page.

    `times`: window code -> reply times by bucket, only where a comment is answered. `waiting`: (post, comment's id) ->
    its time, on an account's page. `engaged`: window code of engaged actors -> distinct actors; ALL on a post's page.
    `published`: earliest and newest record of a post, and what the newest ones are labelled as.
    """

    rows: dict[int, Counts]
    polled: dict[str, Polled]
    account: str | None
    first_ms: int
    last_ms: int
    times: dict[int, tuple[int, ...]] = field(default_factory=dict)
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)
    engaged: dict[int, int] = field(default_factory=dict)
    published: Published | None = None
