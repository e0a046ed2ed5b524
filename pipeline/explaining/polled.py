"""Polled totals of a page: the newest record of each number, and what Redis holds of it. Pure.

A post's likes, comments and shares are those of its newest record that has them, of two of the same time the greater;
an account's are the sums of its posts', and its followers are its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.counting.page import POLLED, view_page
from pipeline.explaining.answer import AGREES, PolledSum
from pipeline.explaining.gate import OFFSET_BITS, Taken, Target
from pipeline.explaining.sorting import check_number
from pipeline.explaining.verdicts import Evidence, why_differs
from pipeline.reading.origins import origins_of
from pipeline.windows import Windows
from schemas.interaction import Interaction
from schemas.platforms import NUMBERS

#: A number as it was polled: time, ms, value; the position of the record, negative so that the first of equals is max.
_Newest = tuple[int, int, int]


class PolledTotals:
    """What was polled of a page, by post: of an account's own numbers the post is None."""

    def __init__(self, target: Target) -> None:
        self._entity = target.entity
        #: Number -> hash of a post, None for the account -> the newest.
        self._newest: dict[str, dict[int | None, _Newest]] = {name: {} for name in POLLED}

    def take(self, taken: Taken) -> None:
        """Note what was polled. Raises QueryError when the posts are too many."""
        interaction = taken.interaction
        if interaction.kind != "totals" or not taken.is_applied:
            return
        whose = None if interaction.post is None else taken.post
        for name in ("followers",) if whose is None else POLLED[:3]:
            value = _value(interaction, name)
            if value is None:
                continue
            found = self._newest[name]
            newest = (interaction.time_ms, value, -taken.position)
            found[whose] = max(newest, found.get(whose, newest))
            check_number(len(found))

    def beside(
        self, page: Mapping[str, str], platform: str, entity_id: str, windows: Windows, evidence: Evidence
    ) -> list[PolledSum]:
        """Each number that was polled or that Redis holds."""
        view = view_page(self._entity, platform, entity_id, page, windows)
        shown = {name: origin.source for name, origin in origins_of(view).items()}
        sums = []
        for name in POLLED:
            found, held = list(self._newest[name].values()), view.polled.get(name)
            if not found and held is None:
                continue
            value, as_of_ms = sum(one[1] for one in found), max((one[0] for one in found), default=None)
            redis = None if held is None else (held.value, held.as_of_ms)
            agrees = redis == (value, as_of_ms)
            position = -found[0][2] if len(found) == 1 else None
            sums.append(
                PolledSum(
                    number=name,
                    topic=value if found else None,
                    topic_as_of_ms=as_of_ms,
                    redis=None if held is None else held.value,
                    redis_as_of_ms=None if held is None else held.as_of_ms,
                    posts=0 if name not in NUMBERS else len(found),
                    partition=None if position is None else position >> OFFSET_BITS,
                    offset=None if position is None else position & ((1 << OFFSET_BITS) - 1),
                    is_shown=name not in NUMBERS or shown.get(name) == "totals",
                    verdict=AGREES if agrees else why_differs(page, evidence),
                )
            )
        return sums


def _value(interaction: Interaction, name: str) -> int | None:
    value: int | None = getattr(interaction, name)
    return value
