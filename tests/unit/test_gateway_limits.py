"""The gateway's limits by themselves: who gives way to whom, what is taken apart, and how much at once."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from itertools import chain, pairwise

import pytest

from pipeline.errors import UnavailableError, UnreadableError
from pipeline.gateway.budget import Budget, Share
from pipeline.gateway.portions import MOST_LARGE, PORTION_ITEMS, SMALL_BYTES, Portions, Turns
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.registry import SOURCES
from pipeline.sources.times import from_iso, from_x
from pipeline.waiting import Phase, Waiting
from tests.costly import COSTLY
from tests.yardstick import TRIES, is_standstill


class Sender:
    """A connection that notes how it ended."""

    def __init__(self) -> None:
        self.end = ""

    def give_way(self) -> None:
        self.end = "gave way"

    def time_out(self, phase: Phase) -> bool:
        self.end = f"slow {phase.name.lower()}"
        return True


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


async def test_who_has_shown_a_signature_gives_way_after_all_strangers() -> None:
    """However long he has been silent; where there are such only, the longest silent of them."""
    waiting, _, (known, longer, *strangers) = waiting_connections(5, most=5)
    waiting.move(longer, Phase.REQUEST, Phase.NEXT)
    waiting.move(known, Phase.REQUEST, Phase.NEXT)
    for stranger, phase in zip(strangers, (Phase.REQUEST, Phase.HEAD, Phase.BODY), strict=True):
        waiting.move(stranger, Phase.REQUEST, phase)
    for _ in range(3):
        newest = Sender()
        waiting.enter(newest)
        waiting.move(newest, Phase.REQUEST, Phase.NEXT)
    assert [sender.end for sender in (known, longer, *strangers)] == ["", "", *["gave way"] * 3]
    waiting.enter(Sender())
    waiting.enter(Sender())
    assert [sender.end for sender in (known, longer)] == ["", "gave way"]


async def test_a_new_connection_gives_way_only_where_all_others_are_being_answered() -> None:
    """Not to bodies that are on their way, of strangers as it may be: nobody could come in."""
    waiting, _, (body, answered) = waiting_connections(2, most=2)
    waiting.move(body, Phase.REQUEST, Phase.BODY)
    waiting.move(answered, Phase.REQUEST, Phase.ANSWER)
    new, newer = Sender(), Sender()
    waiting.enter(new)
    waiting.move(new, Phase.REQUEST, Phase.ANSWER)
    waiting.enter(newer)
    assert [sender.end for sender in (body, answered, new, newer)] == ["gave way", "", "", "gave way"]
    assert len(waiting) == 2


async def test_each_phase_has_its_time() -> None:
    """A head ten seconds, a body thirty, what is answered sixty to be taken, silence seventy-five (the next request of
    somebody known: a little more, the server closes before); an answer as long as it takes."""
    waiting, clock, senders = waiting_connections(6, most=9)
    for sender, phase in zip(senders, Phase, strict=True):
        waiting.move(sender, Phase.REQUEST, phase)
    ends = []
    for later_s in (9, 2, 20, 30, 16, 1_000):
        clock.now_s += later_s
        waiting.sweep()
        ends.append([sender.end for sender in senders].count(""))
    assert ends == [6, 5, 4, 3, 2, 1]
    assert [sender.end for sender in senders] == [
        "slow request",
        "slow head",
        "slow body",
        "slow next",
        "slow take",
        "",
    ]


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


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("made_of", COSTLY)
async def test_no_body_that_is_read_on_the_loop_holds_it_up(made_of: str) -> None:
    """The largest that is not read in a thread: its longest turn of the loop, in processor time, the best of some."""
    platform, make = COSTLY[made_of]
    source, body = SOURCES[platform], make(SMALL_BYTES - 200)
    assert len(body) <= SMALL_BYTES
    connection = Connection("c", platform, source.schemes[0], accounts=frozenset({"1"}))

    async def longest_turn_s() -> float:
        portions = Portions(source, Delivery(body, {}, received_ms=1))
        reading = asyncio.create_task(_read(portions, Context(connection, 1, lambda _, actor: actor, {})))
        turns = [time.thread_time()]
        while not reading.done():
            await asyncio.sleep(0)
            turns.append(time.thread_time())
        await reading
        return max(after - before for before, after in pairwise(turns))

    tries = 1
    while is_standstill(await longest_turn_s()):
        assert (tries := tries + 1) <= TRIES


async def _read(portions: Portions, context: Context) -> None:
    await portions.parse()
    with suppress(UnreadableError):  # what is too large to be kept item by item
        async for _ in portions.outcomes(context):
            pass
