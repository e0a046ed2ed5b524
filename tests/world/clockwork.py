"""A loop whose time passes only when everything waits: then it jumps to the next timer, and nobody waits for real."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class StandstillError(Exception):
    """Nothing in the loop will ever go on."""


class Clockwork(asyncio.SelectorEventLoop):
    """All input and output of the simulation is done at once, so the selector never has anything to wait for."""

    def __init__(self) -> None:
        self.now_s = 1.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, loop: Clockwork) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise StandstillError("every task waits for another one")
        self._loop.now_s += max(0.0, timeout)
        return super().select(0)
