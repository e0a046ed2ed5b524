"""Threads: what a reply answers, whatever shape people and platforms give to a thread."""

from __future__ import annotations

from pipeline.counting.members import ADDED, COMMENT, OWN_ADDED, REMOVED, TIME_SHIFT
from pipeline.counting.threads import DEEPEST, Threads

#: Hashes stand for themselves here: objects 1, 2, 3, ...
Members = dict[int, int]


def comment(time_s: int) -> int:
    return time_s * 1000 << TIME_SHIFT | ADDED["comment"]


def reply(time_s: int) -> int:
    return time_s * 1000 << TIME_SHIFT | OWN_ADDED["comment"]


def answered(threads: Threads, members: Members, *comments: int) -> list[bool]:
    return [threads.settle(one, members)[1] is not None for one in comments]


def linked(members: Members, *links: tuple[int, int]) -> Threads:
    threads = Threads()
    for child, parent in links:
        threads.link(child, parent, members)
    return threads


def test_the_whole_chain_above_a_reply_is_answered_and_nothing_beside_it() -> None:
    """1 <- 2 <- the reply; 3 <- 1's other branch."""
    members = {1: comment(10), 2: comment(20), 3: comment(25), 9: reply(30)}
    threads = linked(members, (2, 1), (3, 1), (9, 2))
    assert answered(threads, members, 1, 2, 3) == [True, True, False]


def test_links_may_come_in_any_order() -> None:
    """The reply first, then what it hangs on."""
    members = {1: comment(10), 2: comment(20), 9: reply(30)}
    threads = linked(members, (9, 2), (2, 1))
    assert answered(threads, members, 1, 2) == [True, True]


def test_a_circle_of_parents_ends_where_it_began() -> None:
    """Nobody can make the walk endless; the reply does not answer itself."""
    members = {1: comment(10), 2: comment(20), 9: reply(30)}
    threads = linked(members, (1, 2), (2, 9), (9, 1))
    assert answered(threads, members, 1, 2, 9) == [True, True, False]


def test_a_reply_answers_a_hundred_levels_and_no_more() -> None:
    """However deep a chain somebody makes, a reply costs as much as a hundred steps."""
    members = {number: comment(number) for number in range(1, 200)} | {999: reply(500)}
    threads = linked(members, *((number, number - 1) for number in range(2, 200)), (999, 199))
    nearest, last, beyond = 199, 200 - DEEPEST, 199 - DEEPEST
    assert answered(threads, members, nearest, last, beyond) == [True, True, False]


def test_of_two_parents_the_one_with_the_greater_hash_holds() -> None:
    """Records that contradict each other; what came first makes no difference."""
    members = {1: comment(10), 2: comment(20), 9: reply(30)}
    for links in (((9, 1), (9, 2)), ((9, 2), (9, 1))):
        assert answered(linked(members, *links), members, 1, 2) == [False, True]


def test_what_was_loaded_counts_as_counted_already() -> None:
    """Settling it again changes nothing."""
    members = {1: comment(10), 9: reply(40)}
    written = linked(members, (9, 1)).take_appended()
    threads = Threads.load(written, members)
    assert threads.settle(1, members) == ((10_000, 1), (10_000, 1))
    assert threads.appended == []


def test_a_removed_comment_is_not_answered_and_its_thread_still_leads_upwards() -> None:
    """What was removed in between still says who replied to whom."""
    members = {1: comment(10), 2: comment(20) | REMOVED, 9: reply(30)}
    assert members[2] & 7 == COMMENT
    assert answered(linked(members, (2, 1), (9, 2)), members, 1, 2) == [True, False]
