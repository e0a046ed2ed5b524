"""The state of an object: the greatest wins, whatever arrives first."""

from __future__ import annotations

from itertools import permutations
from struct import pack

from pipeline.counting.members import (
    COMMENT,
    LIKE,
    REMOVED,
    REPLY,
    UNCOUNTED,
    counted_at_ms,
    hash_id,
    state_of,
)
from pipeline.counting.object_set import ObjectSet
from tests.factories import NOON_MS, make_interaction


def outcome(*actions: tuple[str, int]) -> tuple[bool, int]:
    """Whether the object stands after these, and its own time; the same for every order of them."""
    states = [state_of(make_interaction(action=action, time_ms=time_ms)) for action, time_ms in actions]
    results = {max(order) for order in permutations(states)}
    (state,) = results
    return not state & REMOVED, counted_at_ms(state)


def test_the_newest_of_add_and_remove_wins_in_any_order() -> None:
    """Last writer by event time."""
    assert outcome(("add", 5), ("remove", 7)) == (False, 7)
    assert outcome(("add", 5), ("remove", 7), ("add", 9)) == (True, 9)


def test_at_equal_times_the_removal_wins() -> None:
    """Platforms stamp a quick undo with the same second."""
    assert outcome(("add", 5), ("remove", 5)) == (False, 5)


def test_an_edit_stands_in_for_a_missing_add_at_the_earliest_edits_time() -> None:
    """The object was there, so it counts; when it came is not known better."""
    assert outcome(("edit", 9), ("edit", 6), ("edit", 7)) == (True, 6)


def test_an_edit_never_moves_the_time_of_an_add_and_never_revives() -> None:
    """However late it is."""
    assert outcome(("add", 5), ("edit", 9)) == (True, 5)
    assert outcome(("remove", 5), ("edit", 9)) == (False, 5)
    assert outcome(("edit", 3), ("add", 5)) == (True, 5)


def test_the_class_says_who_did_what() -> None:
    """The account's own comments are replies; its likes and shares count nowhere."""
    classes = [
        state_of(make_interaction(kind=kind, own=own)) & 7
        for kind, own in (("like", False), ("comment", False), ("comment", True), ("like", True), ("share", True))
    ]
    assert classes == [LIKE, COMMENT, REPLY, UNCOUNTED, UNCOUNTED]


def test_the_year_9999_fits() -> None:
    """And so does 1970."""
    for time_ms in (0, NOON_MS, 253_402_300_799_999):
        for action in ("add", "edit", "remove"):
            state = state_of(make_interaction(action=action, time_ms=time_ms))
            assert counted_at_ms(state) == time_ms
            assert state < 1 << 64


def test_the_last_entry_of_a_hash_is_the_one_in_force() -> None:
    """Members are appended, never rewritten in place."""
    first, second = hash_id("a"), hash_id("b")
    blob = pack("<6Q", first, 2, second, 3, first, 4)
    assert sorted(ObjectSet.load(blob).items()) == sorted([(first, 4), (second, 3)])


def test_a_compacted_blob_still_tells_that_states_were_overwritten() -> None:
    """One entry stands twice: a replay then publishes the whole page again."""
    objects = ObjectSet()
    objects.merge(1, 10)
    objects.merge(2, 20)
    blob = objects.compacted()
    assert dict(ObjectSet.load(blob).items()) == {1: 10, 2: 20}
    assert len(blob) // 16 == 3
