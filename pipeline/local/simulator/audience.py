"""The people around a brand: a few come again and again, many once. Pure."""

from __future__ import annotations

from collections.abc import Container
from random import Random

_FIRST_PERSON = 3_500_000_000_000_000
#: The greater, the more is done by the same few: with 3 a fifth of the people does three fifths.
_CROWDING = 3.0


class Audience:
    """`people` persons, of whom nobody else's audience has one."""

    def __init__(self, random: Random, number: int, people: int) -> None:
        self._random = random
        self._first = _FIRST_PERSON + number * 1_000_000
        self._people = people

    def someone(self, others_than: Container[str] = ()) -> str:
        """The id of somebody who does something now."""
        while True:
            person = self._first + int(self._people * self._random.random() ** _CROWDING)
            if str(person) not in others_than:
                return str(person)
