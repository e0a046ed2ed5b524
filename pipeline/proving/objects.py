"""The oracle's objects: what one interaction says of its object, what an object is, and the group-by over windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.proving.expected import Counts
from pipeline.windows import ALL, Windows
from schemas.engagement import COLUMNS
from schemas.interaction import Interaction

#: Classes of objects in the order that breaks ties; the first five are the columns of a row, in its order.
CLASSES = ("like", "comment", "share", "reply", "post", "uncounted")
LIKE, COMMENT, SHARE, REPLY, POST, UNCOUNTED = range(len(CLASSES))

#: (1, time, removed, class) of an add or remove, (0, -time, class, 0) of an edit that stands in for an add.
State = tuple[int, int, int, int]


def class_of(event: Interaction) -> int:
    """The class of the object that an interaction is about: the column that counts it, or `uncounted`."""
    if event.kind == "post":
        return POST
    if event.kind == "comment":
        return REPLY if event.own else COMMENT
    if event.own:
        return UNCOUNTED
    return LIKE if event.kind == "like" else SHARE


def state_of(event: Interaction) -> State:
    """What one interaction says of its object, such that the greater statement is true."""
    if event.action == "edit":
        return (0, -event.time_ms, class_of(event), 0)
    return (1, event.time_ms, int(event.action == "remove"), class_of(event))


def standing(state: State) -> tuple[int, int] | None:
    """Time and class of an object that stands, None for one that was removed."""
    real, time_ms, third, fourth = state
    if not real:
        return -time_ms, third
    return None if third else (time_ms, fourth)


def audience_comments(objects: Mapping[str, State]) -> Iterator[tuple[str, int]]:
    """Id and time of each audience comment that stands."""
    for object_id, state in objects.items():
        stands = standing(state)
        if stands is not None and stands[1] == COMMENT:
            yield object_id, stands[0]


def group_by_window(objects: Mapping[str, State], windows: Windows) -> dict[int, Counts]:
    """How many objects stand in each window, by class; the row of all time is always there."""
    rows: dict[int, list[int]] = {ALL: [0] * len(COLUMNS)}
    for state in objects.values():
        stands = standing(state)
        if stands is None or stands[1] == UNCOUNTED:
            continue
        for code in windows.codes(stands[0]):
            rows.setdefault(code, [0] * len(COLUMNS))[stands[1]] += 1
    return {code: tuple(counts) for code, counts in rows.items()}
