"""What must stand of comments in Redis: by the key of the comment's own day, the newest text of it.

Only of comments of which every record is one and none a removal: what was removed is forgotten, whatever comes later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from pipeline.counting.members import COMMENT, counted_at_ms, hash_id, state_of
from pipeline.counting.threads import is_standing
from pipeline.store.keys import Keys
from pipeline.store.texts import day_of, encode_text, mark_of
from schemas.interaction import Interaction


def expected_texts(keys: Keys, taken: Iterable[Interaction], erased: Collection[str]) -> dict[tuple[str, str], str]:
    """Key and field -> value. `erased`: of these actors nothing is expected."""
    said: defaultdict[tuple[str, str, str], list[Interaction]] = defaultdict(list)
    for one in taken:
        if one.post is not None and one.kind != "totals":
            said[one.account, one.post, one.id].append(one)
    return {
        _place(keys, records[0], max(map(state_of, records))): _newest(records)
        for records in said.values()
        if all(is_standing(state_of(one), COMMENT) and one.actor not in erased for one in records)
    }


def _place(keys: Keys, one: Interaction, state: int) -> tuple[str, str]:
    slot, day = keys.slot(one.platform, one.account), day_of(counted_at_ms(state))
    return keys.texts(slot, one.platform, one.account, day), mark_of(hash_id(one.id))


def _newest(records: list[Interaction]) -> str:
    own_ms = counted_at_ms(max(map(state_of, records)))
    return max(encode_text(one, own_ms) for one in records).decode()
