"""Updates of the aggregate topics as a subscriber wants them: which ones, and each row's newest revision only. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from pipeline.access.grants import EVERYTHING, Grant
from schemas.engagement import Engagement, Entity

#: Rows whose newest revision is remembered, about 200 bytes each. A row that was not updated for longer than the last
#: 200,000 other rows were is forgotten: a repeat of it would be given once more, which an upsert does not mind.
REMEMBERED_ROWS = 200_000


@dataclass(frozen=True)
class Wanted:
    """Which updates are wanted, of those that may be read; an empty set stands for all."""

    entity: Entity | None = None
    platforms: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    windows: frozenset[str] = frozenset()
    only_final: bool = False
    grant: Grant = EVERYTHING

    def holds(self, update: Engagement) -> bool:
        """Whether this update is wanted."""
        return (
            self.entity in (None, update.entity)
            and (not self.platforms or update.platform in self.platforms)
            and (not self.accounts or update.account in self.accounts)
            and (not self.windows or update.window in self.windows)
            and (update.final or not self.only_final)
            and self.grant.holds(update.platform, update.account)
        )


class Newest:
    """Remembers each row's newest revision, so that repeats and what is older can be dropped; bounded."""

    def __init__(self, rows: int = REMEMBERED_ROWS) -> None:
        self._rows = rows
        self._revisions: OrderedDict[tuple[Any, ...], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._revisions)

    def is_newer(self, update: Engagement) -> bool:
        """Whether this revision is higher than all seen of its row; it is then the newest."""
        key = row_key(update)
        if self._revisions.get(key, -1) >= update.revision:
            self._revisions.move_to_end(key)
            return False
        self._revisions[key] = update.revision
        self._revisions.move_to_end(key)
        if len(self._revisions) > self._rows:
            self._revisions.popitem(last=False)
        return True


def row_key(update: Engagement) -> tuple[Any, ...]:
    """What names the row that an update replaces."""
    return update.entity, update.platform, update.id, update.window, update.start_ms
