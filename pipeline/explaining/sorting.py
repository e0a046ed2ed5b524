"""The core: two readings of a page's interactions. The first decides every object, the second sorts every interaction.

An object is what its greatest state says, whatever the order (pipeline/counting/members.py). What decides is known only
at the end, so nothing can be sorted in one reading without keeping all of it; in two, an object costs one number.
Pure: no Kafka, no Redis, no clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from heapq import heappush, heappushpop

from pipeline.counting.members import counted_at_ms, state_of
from pipeline.errors import QueryError
from pipeline.explaining.answer import Decision, Listed, Outcome
from pipeline.explaining.gate import OFFSET_BITS, Taken, Target
from pipeline.explaining.objects import action_of, column_of, is_removed
from schemas.interaction import LAST_TIME_MS

#: Objects that one explanation looks at: about 250 MB.
OBJECTS_MAX = 2_000_000
_POSITION_BITS = 64
_LAST_POSITION = (1 << _POSITION_BITS) - 1
_OFFSET_MASK = (1 << OFFSET_BITS) - 1
#: How a Listed is ordered among those of its outcome and column: time, position; a tie is the same record.
_Ordered = tuple[int, int, Listed]


class Relevant:
    """The objects of which an interaction lies in the window, and the posts of which a comment of the audience does.

    For all time it is all of them, so none is named.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        is_all = target.window.start_ms is None
        self.keys: set[int] | None = None if is_all else set()
        self.posts: set[int] | None = None if is_all else set()

    def take(self, taken: Taken) -> None:
        """Note the interaction's object if it lies in the window. Raises QueryError when they are too many."""
        interaction = taken.interaction
        if self.keys is None or interaction.kind == "totals" or not self._target.holds(interaction.time_ms):
            return
        self.keys.add(taken.key)
        if self.posts is not None and interaction.kind == "comment" and not interaction.own:
            self.posts.add(taken.post)
        check_number(len(self.keys))


class Decisions:
    """Object -> its greatest state and the first record that gave it that, in one number; to merge is max()."""

    def __init__(self, relevant: set[int] | None) -> None:
        self._relevant = relevant
        self._decided: dict[int, int] = {}
        #: The earliest and the latest event of what was counted, of every kind, ms.
        self.first_ms = LAST_TIME_MS
        self.last_ms = 0

    def take(self, taken: Taken) -> None:
        """Merge an interaction that was counted. Raises QueryError when there are too many objects."""
        interaction, key = taken.interaction, taken.key
        if not taken.is_applied:
            return
        self.first_ms = min(self.first_ms, interaction.time_ms)
        self.last_ms = max(self.last_ms, interaction.time_ms)
        if interaction.kind == "totals":
            return
        if self._relevant is not None and key not in self._relevant:
            return
        decided = state_of(interaction) << _POSITION_BITS | _LAST_POSITION - taken.position
        if decided > self._decided.get(key, -1):
            self._decided[key] = decided
            check_number(len(self._decided))

    def of(self, key: int) -> tuple[int, int] | None:
        """The object's state and the position of the record that gave it; None where nothing was counted of it."""
        decided = self._decided.get(key)
        if decided is None:
            return None
        return decided >> _POSITION_BITS, _LAST_POSITION - (decided & _LAST_POSITION)


class Sorter:
    """Sorts the interactions of the last reading: counts all by outcome and column, keeps the newest of each."""

    def __init__(self, target: Target, decisions: Decisions, finest_kept_ms: int, limit: int) -> None:
        self._target = target
        self._decisions = decisions
        self._kept_ms = finest_kept_ms
        self._limit = limit
        self._newest: defaultdict[tuple[str, str], list[_Ordered]] = defaultdict(list)
        self._last_ms = 0
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.late = 0

    def take(self, taken: Taken) -> None:
        """Sort an interaction where its own time lies in the window."""
        interaction = taken.interaction
        self._last_ms = max(self._last_ms, interaction.time_ms)
        if interaction.kind == "totals" or not self._target.holds(interaction.time_ms):
            return
        state = state_of(interaction)
        decided = self._decisions.of(taken.key) if taken.is_applied else None
        outcome: Outcome = "waiting" if decided is None else self._outcome(state, taken.position, *decided)
        column = column_of(state)
        is_late = interaction.time_ms <= self._last_ms - self._kept_ms
        self.late += is_late
        self.counts[outcome][column] += 1
        if self._limit:
            by = None if decided is None or decided[1] == taken.position else decided_by(*decided)
            self._keep(_listed(taken, column, outcome, by, is_late=is_late))

    def listed(self) -> list[Listed]:
        """The newest of each outcome and column, newest first."""
        return [one for kept in self._newest.values() for *_, one in sorted(kept, reverse=True, key=lambda o: o[:2])]

    def _outcome(self, state: int, position: int, decided: int, decided_at: int) -> Outcome:
        if position == decided_at:
            return "removal" if is_removed(state) else "standing"
        if state == decided:
            return "repeated"
        if is_removed(decided):
            return "removed"
        return "superseded" if self._target.holds(counted_at_ms(decided)) else "elsewhere"

    def _keep(self, one: Listed) -> None:
        kept = self._newest[one.outcome, one.column]
        ordered = (one.time_ms, one.partition << OFFSET_BITS | one.offset, one)
        if len(kept) < self._limit:
            heappush(kept, ordered)
        else:
            heappushpop(kept, ordered)


def check_number(objects: int) -> None:
    """Raises QueryError for more objects than fit into memory."""
    if objects > OBJECTS_MAX:
        raise QueryError(
            f"the row has more than {OBJECTS_MAX:,} objects; expected fewer: explain a post or a smaller window"
        )


def decided_by(state: int, position: int) -> Decision:
    """The record at this position, which gave its object this state."""
    return Decision(
        partition=position >> OFFSET_BITS,
        offset=position & _OFFSET_MASK,
        time_ms=counted_at_ms(state),
        action=action_of(state),
    )


def _listed(taken: Taken, column: str, outcome: Outcome, by: Decision | None, *, is_late: bool) -> Listed:
    one, position = taken.interaction, taken.position
    return Listed(
        column=column,
        outcome=outcome,
        time_ms=one.time_ms,
        time_from=one.time_from,
        kind=one.kind,
        action=one.action,
        post=one.post,
        id=one.id,
        actor=one.actor,
        own=one.own,
        late=is_late,
        partition=position >> OFFSET_BITS,
        offset=position & _OFFSET_MASK,
        decided_by=by,
    )
