"""The directory: where a reader starts who knows only an account or a post. Written before the page it leads to.

A crash between the two leaves an entry that leads to no page, and the next attempt writes both; never a page that
nothing leads to, but for a post that two accounts name: its entry is that of the first as long as it has such a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from pipeline.clock import Clock
from pipeline.counting.live import LivePage
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.store.lua import LuaScript
from pipeline.store.round_trip import round_trip

#: Commands of one round trip, which has its time.
AT_ONCE = 20_000
#: A younger entry without its page may be one whose page is about to be written, or was not because its worker died.
FRESH_S = 3_600
#: To be loaded before `write_directory`.
CLAIM = LuaScript(Path(__file__).with_name("claim.lua"))
_Command = tuple[Any, ...]
#: A post's page, the account that holds its entry, and the seconds that the entry has left.
_Contested = tuple[LivePage, str, int]


async def write_directory(redis: Redis, keys: Keys, pages: Iterable[LivePage], ttl_s: int, clock: Clock) -> None:
    """Enter these pages, or renew their entries' lifetime. Posts of which nothing was counted are left out, and so are
    those that are entered as another account's, which has such a page."""
    commands: list[_Command] = []
    posts: list[LivePage | None] = []
    for page in pages:
        if len(commands) >= AT_ONCE:
            await _enter(redis, keys, commands, posts, ttl_s)
            commands, posts = [], []
        if page.entity == "account":
            key = keys.account_entry(page.platform, page.id)
            commands += [
                ("HSET", key, "slot", page.slot, "platform", page.platform, "account", page.id),
                ("HSETNX", key, "first_seen_ms", str(clock())),
                ("EXPIRE", key, ttl_s),
            ]
            posts += [None, None, None]
        elif page.account:
            commands.append(("SET", keys.post_entry(page.platform, page.id), page.account, "NX", "EX", ttl_s))
            posts.append(page)
    await _enter(redis, keys, commands, posts, ttl_s)


async def _enter(
    redis: Redis, keys: Keys, commands: Sequence[_Command], posts: Sequence[LivePage | None], ttl_s: int
) -> None:
    """`posts`: of each command the post that it enters, None where it is about an account."""
    answers = await _ask(redis, commands)
    # Most are new, and a script for each would cost Redis four times what `SET` does.
    if there := [page for page, answer in zip(posts, answers, strict=True) if page and answer is None]:
        found = await _ask(redis, [_claim(keys, page, ttl_s) for page in there])
        contested = [(page, _text(one[0]), one[1]) for page, one in zip(there, found, strict=True) if one]
        if contested:
            await _take_over(redis, keys, contested, ttl_s)


async def _take_over(redis: Redis, keys: Keys, contested: Sequence[_Contested], ttl_s: int) -> None:
    """Enter posts whose other account has no such page any more: its lifetime was over."""
    old = [(page, owner) for page, owner, left_s in contested if ttl_s - left_s >= FRESH_S]
    slots = [slot_of(page.platform, owner) for page, owner in old]
    there = await _ask(
        redis, [("EXISTS", keys.page(slot, page.reference)) for slot, (page, _) in zip(slots, old, strict=True)]
    )
    gone = [one for one, is_there in zip(old, there, strict=True) if not is_there]
    await _ask(redis, [_claim(keys, page, ttl_s, owner) for page, owner in gone])


def _claim(keys: Keys, page: LivePage, ttl_s: int, instead_of: str = "") -> _Command:
    return ("EVALSHA", CLAIM.sha, 1, keys.post_entry(page.platform, page.id), page.account, ttl_s, instead_of)


async def _ask(redis: Redis, commands: Sequence[_Command]) -> list[Any]:
    if not commands:
        return []
    pipe = redis.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return await round_trip(pipe)


def _text(account: bytes | str) -> str:
    return account.decode() if isinstance(account, bytes) else account
