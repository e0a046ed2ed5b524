"""The gateway's limits by themselves: who gives way to whom, what is taken apart, and how much at once."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import chain

import pytest

from pipeline.errors import UnavailableError
from pipeline.gateway.budget import Budget, Share
from pipeline.gateway.portions import MOST_LARGE, PORTION_ITEMS, SMALL_BYTES, Portions, Turns
from pipeline.gateway.waiting import Phase, Waiting
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.registry import SOURCES
from pipeline.sources.times import from_iso, from_x
from tests.costly import COSTLY


class Sender:
    """A connection that notes how it ended."""

    def __init__(self) -> None:
        self.end = ""

    def give_way(self) -> None:
        self.end = "gave way"

    def time_out(self, phase: Phase) -> None:
        self.end = f"slow {phase.name.lower()}"


class Clock:
    """Stands until it is set."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def waiting_connections(number: int, most: int) -> tuple[Waiting, Clock, list[Sender]]:
    """So many that came one second after the other."""
    clock = Clock()
    waiting, senders = Waiting(most, clock), [Sender() for _ in range(number)]
    for sender in senders:
        waiting.enter(sender)
        clock.now_s += 1
    return waiting, clock, senders


async def test_the_longest_silent_connection_gives_way_to_a_new_one() -> None:
    """Slow heads first, whatever their age; whoever waits for our answer never does."""
    waiting, _, (first, second, third) = waiting_connections(3, most=3)
    waiting.move(first, Phase.REQUEST, Phase.ANSWER)
    waiting.move(third, Phase.REQUEST, Phase.HEAD)
    newest = [Sender() for _ in range(3)]
    for sender in newest:
        waiting.enter(sender)
    assert [sender.end for sender in (first, second, third, *newest)] == [
        "",
        "gave way",
        "gave way",
        "gave way",
        "",
        "",
    ]
    assert len(waiting) == 3


async def test_each_phase_has_its_time() -> None:
    """A head ten seconds, a body thirty, silence between requests seventy-five; an answer as long as it takes."""
    waiting, clock, senders = waiting_connections(4, most=9)
    for sender, phase in zip(senders, Phase, strict=True):
        waiting.move(sender, Phase.REQUEST, phase)
    ends = []
    for later_s in (9, 2, 20, 46, 1_000):
        clock.now_s += later_s
        waiting.sweep()
        ends.append([sender.end for sender in senders].count(""))
    assert ends == [4, 3, 2, 1, 1]
    assert [sender.end for sender in senders] == ["slow request", "slow head", "slow body", ""]


async def test_who_has_left_is_not_moved_back_in() -> None:
    """A connection that was closed from here still tells what it does until it is gone."""
    waiting, clock, (sender,) = waiting_connections(1, most=1)
    clock.now_s += 100
    waiting.sweep()
    waiting.move(sender, Phase.REQUEST, Phase.HEAD)
    assert len(waiting) == 0


def test_the_oldest_unfinished_body_gives_way() -> None:
    """As many as it takes and no more; complete ones keep what they hold; where all would not do, none does."""
    budget, ended = Budget(limit_bytes=100), list[int]()
    shares = [Share(budget) for _ in range(4)]
    for number, share in enumerate(shares):
        share.take(25)
        share.begin_reading(lambda number=number: ended.append(number))  # type: ignore[misc]
    shares[0].end_reading()
    budget.take(30)
    assert (ended, budget.used_bytes, shares[1].gave_way) == ([1, 2], 80, True)
    with pytest.raises(UnavailableError):
        shares[1].take(1)
    with pytest.raises(UnavailableError):
        budget.take(46)
    assert (ended, shares[3].gave_way) == ([1, 2], False)


def test_a_body_does_not_give_way_to_itself() -> None:
    """What grows beyond the limit alone is refused."""
    budget = Budget(limit_bytes=10)
    share = Share(budget)
    share.take(8)
    share.begin_reading(lambda: pytest.fail("it was ended"))
    with pytest.raises(UnavailableError):
        share.take(3)


def test_long_texts_are_no_times() -> None:
    """The readers of times go through white space again and again."""
    assert from_x("Mon" + " " * 1_000_000) is None
    assert from_iso("2026-11-23" + " " * 1_000_000) is None


async def test_a_large_delivery_comes_in_portions_and_yields_the_same() -> None:
    """Outcomes, their order and what is remembered are those of the whole at once."""
    removals = [{"status": {"id": str(number)}} for number in range(2 * PORTION_ITEMS + 1)]
    body = json.dumps({"for_user_id": "1", "tweet_delete_events": removals}).encode()
    delivery, source = Delivery(body, {}, received_ms=1), SOURCES["x"]
    portions = Portions(source, delivery)
    assert len(await portions.parse()) == len(removals)
    found = [portion async for portion in portions.outcomes(_context())]
    assert [len(portion) for portion in found] == [PORTION_ITEMS, PORTION_ITEMS, 1]
    assert [*chain(*found)] == source.normalise(source.parse(delivery), _context())


def _context() -> Context:
    return Context(Connection("c", "x", "x"), 1, lambda _, actor: actor, {})


async def test_few_large_deliveries_are_taken_apart_at_a_time() -> None:
    """Small ones never wait; a large one waits a second, then its sender is to come again."""
    turns, large = Turns(), Delivery(bytes(SMALL_BYTES + 1), {})
    async with asyncio.timeout(30):
        held = [turns.turn(large) for _ in range(MOST_LARGE)]
        for turn in held:
            await turn.__aenter__()
        async with turns.turn(Delivery(bytes(SMALL_BYTES), {})):
            pass
        with pytest.raises(UnavailableError):
            async with turns.turn(large):
                pass
        await held[0].__aexit__(None, None, None)
        async with turns.turn(large):
            pass


@pytest.mark.parametrize("made_of", COSTLY)
def test_no_body_that_is_read_on_the_loop_holds_it_up(made_of: str) -> None:
    """The largest that is not read in a thread: less than 100 ms of processor time, the best of three."""
    platform, make = COSTLY[made_of]
    source, body = SOURCES[platform], make(SMALL_BYTES - 200)
    assert len(body) <= SMALL_BYTES
    connection = Connection("c", platform, source.schemes[0], accounts=frozenset({"1"}))
    took_s = []
    for _ in range(3):
        began = time.thread_time()
        parsed = source.parse(Delivery(body, {}, received_ms=1))
        set(source.references(parsed))
        source.normalise(parsed, Context(connection, 1, lambda _, actor: actor, {}))
        took_s.append(time.thread_time() - began)
    assert min(took_s) < 0.1
