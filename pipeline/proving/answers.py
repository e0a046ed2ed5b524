"""The oracle's word on replies: which audience comments an account answered, and how soon. Plain, and slow.

Like the oracle it shares nothing with the worker but the windows, the buckets' ends and how ids are hashed (where two
records name different parents of one comment, the hash decides).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from xxhash import xxh3_64_intdigest

from pipeline.proving.objects import REPLY, State, audience_comments, standing
from pipeline.windows import Windows
from schemas.engagement import REPLY_BUCKETS, REPLY_TIMES_S
from schemas.interaction import Interaction

#: How many levels up a thread a reply answers.
LEVELS = 100


def set_parent(parents: dict[str, str], event: Interaction) -> None:
    """What a comment replies to; of different words the one with the greater hash."""
    before = parents.get(event.id)
    if event.parent is not None and (before is None or _hash(event.parent) > _hash(before)):
        parents[event.id] = event.parent


def first_answers(objects: Mapping[str, State], parents: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Each answered comment with its own time and the time of the account's first reply to it."""
    comments = dict(audience_comments(objects))
    first: dict[str, int] = {}
    for object_id in parents:
        stands = standing(objects[object_id])
        if stands is None or stands[1] != REPLY:
            continue
        for comment in _upwards(object_id, parents):
            first[comment] = min(stands[0], first.get(comment, stands[0]))
    return {comment: (comments[comment], time_ms) for comment, time_ms in first.items() if comment in comments}


def times_by_window(answers: Iterable[tuple[int, int]], windows: Windows) -> dict[int, tuple[int, ...]]:
    """Window code -> how many comments of it got their first reply within each bucket."""
    rows: defaultdict[int, list[int]] = defaultdict(lambda: [0] * REPLY_BUCKETS)
    for asked_ms, answered_ms in answers:
        waited_s = (answered_ms - asked_ms) / 1000
        bucket = sum(waited_s > end_s for end_s in REPLY_TIMES_S)
        for code in windows.codes(asked_ms):
            rows[code][bucket] += 1
    return {code: tuple(times) for code, times in rows.items()}


def _upwards(object_id: str, parents: Mapping[str, str]) -> Iterator[str]:
    passed = {object_id}
    for _ in range(LEVELS):
        parent = parents.get(object_id)
        if parent is None or parent in passed:
            return
        yield parent
        passed.add(parent)
        object_id = parent


def _hash(object_id: str) -> int:
    return int(xxh3_64_intdigest(object_id.encode()))
