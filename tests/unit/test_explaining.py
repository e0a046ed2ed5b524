"""What becomes of each interaction of a page, on logs short enough to see it."""

from __future__ import annotations

import pytest

from pipeline.errors import QueryError
from pipeline.explaining import sorting
from pipeline.explaining.explain import window_code
from pipeline.explaining.replies import is_standing_comment
from pipeline.slots import slot_of
from schemas.interaction import Action, Interaction
from tests.explained import WINDOWS, LogRecord, explained, explained_with_answers, records_of, target_of
from tests.factories import NOON_MS, make_interaction

HOUR_MS = 3_600_000


def outcomes(*log: Interaction, window: str = "all") -> list[tuple[int, str]]:
    """Offset and outcome of each interaction of post p1 that lies in the window."""
    listed = explained(target_of(window=window), records_of(log)).listed()
    return sorted((one.offset, one.outcome) for one in listed)


def comment(name: str, parent: str | None = None) -> Interaction:
    """An audience's at noon."""
    return make_interaction(kind="comment", id=name, parent=parent)


def reply(name: str, parent: str, after_s: int, action: Action = "add") -> Interaction:
    """The account's, so many seconds later."""
    time_ms = NOON_MS + after_s * 1000
    return make_interaction(kind="comment", id=name, parent=parent, own=True, time_ms=time_ms, action=action)


def test_standing_ones_make_up_the_number_and_repeats_do_not() -> None:
    like, comment = make_interaction(), make_interaction(kind="comment")
    assert outcomes(like, comment, like) == [(0, "standing"), (1, "standing"), (2, "repeated")]


def test_what_was_taken_back_names_the_record_that_did() -> None:
    """The removal itself lies in a later window than what it takes back."""
    add, gone = make_interaction(), make_interaction(action="remove", time_ms=NOON_MS + HOUR_MS // 2)
    assert outcomes(add, gone) == [(0, "removed"), (1, "removal")]
    (listed,) = explained(target_of(window="1m:2026-11-23T09:24"), records_of([add, gone])).listed()
    assert listed.decided_by is not None
    assert (listed.outcome, listed.decided_by.offset, listed.decided_by.action) == ("removed", 1, "remove")


def test_a_removal_that_came_before_its_add_still_takes_it_back() -> None:
    log = make_interaction(action="remove", time_ms=NOON_MS + 1), make_interaction()
    assert outcomes(*log) == [(0, "removal"), (1, "removed")]


def test_an_edit_supersedes_nothing_and_stands_in_for_a_missing_add() -> None:
    edit = make_interaction(kind="comment", action="edit", time_ms=NOON_MS + 1)
    assert outcomes(edit) == [(0, "standing")]
    assert outcomes(edit, make_interaction(kind="comment")) == [(0, "superseded"), (1, "standing")]


def test_an_object_that_was_added_again_later_counts_elsewhere() -> None:
    """Also where the later add came first: the window of the earlier one is asked about."""
    early, later = make_interaction(), make_interaction(time_ms=NOON_MS + 2 * HOUR_MS)
    for log in ((early, later), (later, early)):
        [(offset, outcome)] = outcomes(*log, window="1h:2026-11-23T09")
        assert (log[offset], outcome) == (early, "elsewhere")


def test_an_accounts_own_likes_count_in_no_column() -> None:
    sorter = explained(target_of(), records_of([make_interaction(own=True)]))
    assert sorter.counts == {"standing": {"none": 1}}


def answers(*log: Interaction, window: str = "all", applied: int = 99) -> tuple[int, dict[str, int | None]]:
    """How many comments of post p1 are answered, and each one that stands with the offset of the reply."""
    sorter, found = explained_with_answers(target_of(window=window), records_of(log), applied={0: applied})
    comments = [one for one in found.beside(sorter.listed()) if is_standing_comment(one)]
    return found.count, {one.id: one.answered_by.offset if one.answered_by else None for one in comments}


def test_a_comment_is_answered_by_the_first_reply_that_stands_in_its_thread() -> None:
    """The earliest by its own time, directly or further down; a reply that was taken back answers nothing."""
    asked, late, early = comment("c1"), reply("r1", "c1", 90), reply("r2", "c2", 60)
    between = comment("c2", parent="c1")
    assert answers(asked, late, early, between) == (2, {"c1": 2, "c2": 2})
    assert answers(asked, late, early, between, reply("r2", "c2", 99, action="remove")) == (1, {"c1": 1, "c2": None})


def test_a_reply_after_the_window_answers_the_comment_in_it() -> None:
    """The reply's own window has no comment, so nothing of it is answered."""
    log = comment("c1"), reply("r1", "c1", HOUR_MS // 1000)
    assert answers(*log, window="1m:2026-11-23T09:24") == (1, {"c1": 1})
    assert answers(*log, window="1h:2026-11-23T10") == (0, {})


def test_a_reply_that_the_workers_have_not_counted_answers_nothing_yet() -> None:
    log = comment("c1"), reply("r1", "c1", 60)
    assert answers(*log, applied=1) == (0, {"c1": None})


def test_more_replies_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came later than the window are among them."""
    monkeypatch.setattr(sorting, "OBJECTS_MAX", 4)
    log = comment("c1"), *(reply(f"r{number}", "c1", HOUR_MS // 1000) for number in range(3))
    with pytest.raises(QueryError, match="more than 4 objects"):
        answers(*log, window="1m:2026-11-23T09:24")


def test_totals_are_no_interactions_that_count() -> None:
    assert outcomes(make_interaction(kind="totals", id="p1", likes=7)) == []


def test_what_the_workers_have_not_counted_waits() -> None:
    sorter = explained(target_of(), records_of([make_interaction(), make_interaction(actor="u2")]), applied={0: 1})
    assert sorter.counts == {"standing": {"likes": 1}, "waiting": {"likes": 1}}


def test_a_record_of_a_partition_that_lost_the_slot_counts_only_if_it_was_counted_there() -> None:
    """Partitions were added: what had not been counted was sent on, and its copy counts."""
    like = records_of([make_interaction()])[0].value
    log = [LogRecord(4, like, partition=1), LogRecord(5, like, partition=1)]
    sorter = explained(target_of(), log, applied={0: 9, 1: 5})
    assert sorter.counts == {"standing": {"likes": 1}}


def test_late_is_what_came_after_its_finest_row_was_let_go() -> None:
    """Three hours behind the newest event: it counts for all time, and its minute is gone."""
    log = make_interaction(actor="u2"), make_interaction(time_ms=NOON_MS - 3 * HOUR_MS)
    sorter = explained(target_of(), records_of(log))
    assert (sorter.late, sorter.counts) == (1, {"standing": {"likes": 2}})
    assert [one.late for one in sorter.listed()] == [False, True]


def test_what_counts_nowhere_is_passed_over() -> None:
    """Bytes that are none of ours, other platforms, and what lay in the future when it came."""
    log: list[Interaction | bytes] = [
        b"poison",
        b"{}",
        make_interaction(platform="x"),
        make_interaction(time_ms=NOON_MS + 25 * HOUR_MS),
    ]
    assert explained(target_of(), records_of(log)).counts == {}


def test_a_post_that_another_account_of_the_slot_named_first_is_not_the_accounts() -> None:
    """One of another slot may have a post of the same name: it is another post."""
    slot = slot_of("facebook", "a1")
    others = [f"b{number}" for number in range(5_000)]
    same = next(other for other in others if slot_of("facebook", other) == slot)
    far = next(other for other in others if slot_of("facebook", other) != slot)
    log = [
        make_interaction(account=same, post="p1"),
        make_interaction(account=far, post="p2"),
        make_interaction(post="p1"),
        make_interaction(post="p2"),
    ]
    listed = explained(target_of("account", "a1"), records_of(log)).listed()
    assert [one.post for one in listed] == ["p2"]


def test_the_newest_of_each_outcome_and_column_are_listed() -> None:
    likes = [make_interaction(actor=f"u{number}", time_ms=NOON_MS - number) for number in range(5)]
    sorter = explained(target_of(), records_of([*likes, make_interaction(kind="comment")]), limit=2)
    assert sorter.counts == {"standing": {"likes": 5, "comments": 1}}
    assert sorted((one.column, one.offset) for one in sorter.listed()) == [("comments", 5), ("likes", 0), ("likes", 1)]


def test_more_objects_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is on the objects that matter to the window, so a smaller window is a way out."""
    monkeypatch.setattr(sorting, "OBJECTS_MAX", 2)
    log = records_of([make_interaction(actor=f"u{i}", time_ms=NOON_MS - i * HOUR_MS) for i in range(4)])
    with pytest.raises(QueryError, match="more than 2 objects; expected fewer: explain a post or a smaller window"):
        explained(target_of(), log)
    assert explained(target_of(window="1h:2026-11-23T09"), log).counts == {"standing": {"likes": 1}}


@pytest.mark.parametrize("name", ["5m:2026-11-23T09:24", "1h", "1h:nonsense", "1d:2026-13-40", "1h:", "ALL", "1h:9999"])
def test_a_window_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match="expected all, or a size and its start"):
        window_code(WINDOWS, name)
