"""What was handed over already, so that the stream and the lists do not give Kafka everything twice. Bounded.

Only a saving: what it forgot is handed over again and changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

MOST = 20_000


class Seen:
    """The newest (kind, id)s."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._ids: OrderedDict[tuple[str, str], None] = OrderedDict()

    def has(self, item: tuple[str, str]) -> bool:
        """Whether it was handed over."""
        return item in self._ids

    def add(self, items: Iterable[tuple[str, str]]) -> None:
        """They are handed over; the oldest are forgotten."""
        for item in items:
            self._ids[item] = None
            self._ids.move_to_end(item)
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)
