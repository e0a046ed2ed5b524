"""Who was engaged with a page: the distinct pseudonyms of its records, exactly, beside Redis' estimate. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.counting.members import hash_id
from pipeline.explaining.answer import AGREES, EngagedSum
from pipeline.explaining.gate import Taken, Target
from pipeline.explaining.sorting import check_number
from pipeline.explaining.verdicts import Evidence, why_differs
from pipeline.proving.compare import HLL_LEAST, HLL_SHARE
from pipeline.proving.snapshot import ENGAGED
from pipeline.windows import ALL, Windows


def engaged_code(windows: Windows, entity: str, name: str) -> int | None:
    """The code of a window, by its name, in which a page's engaged actors are counted; None where they are not: of a
    post only for all time."""
    if name == "all":
        return ALL
    return None if entity == "post" else windows.code(name)


class EngagedActors:
    """The distinct actors of a window: of the audience, by what they did, not by what they took back."""

    def __init__(self, target: Target) -> None:
        self._target = target
        #: Hashes of pseudonyms.
        self._actors: set[int] = set()

    def take(self, taken: Taken) -> None:
        """Note who it was. Raises QueryError when they are too many."""
        interaction = taken.interaction
        if interaction.actor is None or interaction.own or interaction.action == "remove" or not taken.is_applied:
            return
        if interaction.kind not in {"post", "totals"} and self._target.holds(interaction.time_ms):
            self._actors.add(hash_id(interaction.actor))
            check_number(len(self._actors))

    def beside(self, page: Mapping[str, str], code: int, windows: Windows, evidence: Evidence) -> EngagedSum:
        """The exact number beside that of the page's snapshot. Within six standard errors of HyperLogLog they agree."""
        exact = len(self._actors)
        if not windows.is_kept(code, int(page.get("last_ms", "0"))):
            return EngagedSum(topic=exact, redis=None, verdict="the estimate is not kept any more")
        estimate = int(page.get(f"{ENGAGED}{code}", "0"))
        is_near = abs(estimate - exact) <= max(HLL_LEAST, HLL_SHARE * exact)
        verdict = AGREES if is_near else why_differs(page, evidence)
        return EngagedSum(topic=exact, redis=estimate, verdict=verdict)
