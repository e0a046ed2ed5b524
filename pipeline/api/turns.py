"""Whose turn it is with what is done one at a time: tokens take turns, however many questions each of them has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from pipeline.access.grants import Grant
from pipeline.api.shares import ShareError, Shares

_T = TypeVar("_T")


class Turns:
    """Works one at a time, for each token up to `most` of them with those that wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._shares = Shares()
        self._one_at_a_time = asyncio.Lock()
        #: Of each token one waits for the lock of all, the others of it wait for that one.
        self._of_each: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    def begin(self, grant: Grant, work: Callable[[], Awaitable[_T]]) -> asyncio.Task[_T]:
        """The work, as soon as it is the token's turn. Raises ShareError where it has as much as it may."""
        asked = self._shares.held_by(grant)
        if asked >= self._most:
            raise ShareError(f"{asked} questions of this kind wait for this token; expected {self._most} at the most")
        self._shares.take(grant)
        task = asyncio.create_task(self._in_turn(grant, work), name="turn")
        task.add_done_callback(lambda _: self._shares.give(grant))
        return task

    async def _in_turn(self, grant: Grant, work: Callable[[], Awaitable[_T]]) -> _T:
        own = self._of_each.setdefault(grant.token, asyncio.Lock())
        async with own, self._one_at_a_time:
            return await work()
