"""Answers held for a moment: the same question asked many times at once is answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

_T = TypeVar("_T")

#: Different questions held at once; a flood of different ones only pushes out what was held.
QUESTIONS_MAX = 256


class Held(Generic[_T]):
    """Holds each question's answer for `for_s` seconds from when it was asked; a failed one is not held."""

    def __init__(self, for_s: float) -> None:
        self._for_s = for_s
        self._answers: dict[Hashable, tuple[float, asyncio.Future[_T]]] = {}

    async def get(self, question: Hashable, answer: Callable[[], Awaitable[_T]]) -> _T:
        """The answer, asked for anew where none is held. One asker that goes away does not stop the others."""
        now = asyncio.get_running_loop().time()
        held = self._answers.get(question)
        if held is None or now >= held[0] or _failed(held[1]):
            asked = answer()  # one that is refused pushes nothing out
            self._answers.pop(question, None)
            if len(self._answers) >= QUESTIONS_MAX:
                self._answers.pop(next(iter(self._answers)))
            held = self._answers[question] = (now + self._for_s, asyncio.ensure_future(asked))
        return await asyncio.shield(held[1])


def _failed(answer: asyncio.Future[_T]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)
