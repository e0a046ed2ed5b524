"""Partitions are added while owners count, crash, sleep on with the old number, and Redis falls back in some slots:
Redis ends with the oracle's rows, and subscribers with Redis'.

The tables, the scripts and Redis are the real ones; Kafka is the test's.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys, decode_id
from schemas.engagement import COLUMNS
from schemas.interaction import Interaction
from schemas.unanswered import unanswered_key
from tests.factories import NOON_MS, make_interaction
from tests.grown import Growing
from tests.property.strategies import ACCOUNTS, logs
from tests.property.test_table import Redo
from tests.redises import open_redis

#: The accounts' partition of four; two of them stay there, one moves to partition 4 of eight and of sixteen.
OLD, NEW = 0, 4
MOVES = next(account for account in ACCOUNTS if slot_of("facebook", account) % 16 == NEW)

Step = tuple[str, int, int]
_AT = st.sampled_from([OLD, NEW])
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from([4, 8, 16]), st.integers(1, 15)),
        st.tuples(st.just("take"), _AT, st.integers(1, 15)),
        st.tuples(st.sampled_from(["publish", "crash", "sleep"]), _AT, st.just(0)),
        st.tuples(st.just("grow"), st.sampled_from([8, 16]), st.just(0)),
        st.tuples(st.sampled_from(["save", "go back", "lose"]), _AT, st.just(0)),
    ),
    max_size=25,
)


async def play(growing: Growing, log: list[Interaction], steps: list[Step]) -> None:
    """Do the steps, write what is left of the log, and let new owners finish."""
    redos = {at: Redo(growing.redis, f"{growing.settings.key_prefix}:{{{slot}}}") for at, slot in _slots().items()}
    asleep = {}
    left = list(log)
    for step, at, number in steps:
        if step == "write":
            for one in left[:number]:
                growing.write(one, min(at, growing.partitions))
            del left[:number]
        elif step == "grow":
            growing.partitions = max(at, growing.partitions)
        elif at < growing.partitions:
            if step == "take":
                await growing.take(at, number)
            elif step == "publish":
                await growing.publish(at)
            elif step == "crash":
                await growing.open(at)
            elif step == "sleep":
                before = growing.owners.get(at) or await growing.open(at)
                growing.owners[at] = asleep.pop(at, None) or await growing.open(at)
                asleep[at] = before
        if step in {"save", "go back", "lose"}:
            await _fall_back(redos[at], step)
    # That Redis fell back is noticed with the next event.
    for one in (*left, *(make_interaction(account=account, post=f"{account}/p1") for account in ACCOUNTS)):
        growing.write(one, growing.partitions)
    await growing.finish()


def _slots() -> dict[int, int]:
    """A slot that stays and the slot that moves: two nodes of a Redis."""
    stays = next(account for account in ACCOUNTS if slot_of("facebook", account) % 16 == OLD)
    return {OLD: slot_of("facebook", stays), NEW: slot_of("facebook", MOVES)}


async def _fall_back(redo: Redo, step: str) -> None:
    if step == "save":
        await redo.save()
    elif step == "go back":
        await redo.go_back()
    else:
        await redo.empty()


async def waiting_in_redis(growing: Growing) -> set[str]:
    """What waits for a reply, by the topic's keys."""
    keys, found = Keys(growing.settings.key_prefix), set()
    for account in ACCOUNTS:
        key = keys.unanswered(slot_of("facebook", account), "facebook", account)
        for member in await growing.decoding.zrange(key, 0, -1):
            mark, _, post = member.partition(":")
            found.add(unanswered_key("facebook", decode_id(post), mark))
    return found


async def wrongly_published(growing: Growing) -> list[str]:
    """Published rows of all time whose newest revision is not what Redis says, and pages that were never published."""
    keys, rows, wrong = Keys(growing.settings.key_prefix), growing.newest_rows(), []
    for account in {one.account for one in growing.sent}:
        slot = slot_of("facebook", account)
        pages = {f"account:{account}": keys.account(slot, "facebook", account)}
        for one in growing.sent:
            if one.account == account and one.post is not None:
                pages[f"post:{one.post}"] = keys.post(slot, "facebook", one.post)
        for name, key in pages.items():
            page = await growing.decoding.hgetall(key)
            entity, _, id_ = name.partition(":")
            told = [row for row in rows.values() if (row.entity, row.id, row.window) == (entity, id_, "all")]
            if page and any(int(page[column]) for column in COLUMNS) and not told:
                wrong.append(f"{name} was never published")
            wrong += [
                f"{name}: {column} is {getattr(row, column)}, in Redis {page[column]}"
                for row in told
                for column in COLUMNS
                if getattr(row, column) != int(page[column])
            ]
    return wrong


LIKE = make_interaction(account=MOVES, post=f"{MOVES}_1", time_ms=NOON_MS - 1)
COMMENT = make_interaction(account=MOVES, post=f"{MOVES}_1", kind="comment", id="c", time_ms=NOON_MS - 2)


@given(log=logs(), steps=STEPS)
# Counted, not published, moved: only what is sent on tells the new owner.
@example(log=[LIKE, COMMENT], steps=[("write", 4, 2), ("take", OLD, 2), ("grow", 16, 0), ("crash", OLD, 0)])
# What the slot counted where it lay before is lost after it moved, and stands nowhere but there.
@example(
    log=[LIKE, COMMENT],
    steps=[
        ("write", 4, 2), ("take", OLD, 2), ("publish", OLD, 0), ("grow", 16, 0), ("crash", OLD, 0), ("take", NEW, 1),
        ("publish", OLD, 0), ("lose", NEW, 0),
    ],
)  # fmt: skip
# Producers and an owner that have not heard of it yet.
@example(
    log=[LIKE, COMMENT],
    steps=[("write", 4, 1), ("take", OLD, 1), ("grow", 16, 0), ("take", NEW, 9), ("write", 4, 1), ("take", OLD, 9)],
)
@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_adding_partitions_keeps_every_row_and_every_subscriber_right(
    settings: Settings, log: list[Interaction], steps: list[Step]
) -> None:
    """Whoever counts, crashes, sleeps or falls back meanwhile."""

    async def run() -> None:
        own = replace(settings, key_prefix=f"x{uuid.uuid4().hex[:10]}", slice_events=7)
        redis = open_redis(own)
        growing = Growing(own, redis)
        try:
            await play(growing, log, steps)
            assert await growing.differences() == []
            assert await wrongly_published(growing) == []
            assert growing.newest_waiting() >= await waiting_in_redis(growing)
        finally:
            await growing.decoding.aclose()
            await redis.aclose()

    asyncio.run(run())
