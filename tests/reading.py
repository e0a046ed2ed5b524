"""A delivery read by its platform's file, in circumstances that a test names: what each item yields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery, join_headers
from pipeline.sources.outcomes import Counted, Known, Outcome
from pipeline.sources.registry import SOURCES

NOW_MS = 1_784_900_000_000


class Reader:
    """A connection of a platform with a directory of its own, filled by what it reads. Actors stay as they are."""

    def __init__(self, platform: str, *accounts: str, brand: Iterable[str] = ()) -> None:
        self.source = SOURCES[platform]
        self.connection = Connection(
            "test", platform, self.source.schemes[0], accounts=frozenset(accounts), brand_actors=frozenset(brand)
        )
        self.directory: dict[str, Known] = {}

    def outcomes(self, body: Any, headers: Mapping[str, str] | None = None) -> list[Outcome]:
        """What every item yields. Only what the source asks the directory for is known to it, as in the gateway.

        A body that is not bytes is sent as JSON.
        """
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        delivery = Delivery(raw, join_headers((headers or {}).items()), received_ms=NOW_MS)
        parsed = self.source.parse(delivery)
        known = {name: self.directory[name] for name in self.source.references(parsed) if name in self.directory}
        context = Context(self.connection, NOW_MS, lambda _, actor: actor, known)
        outcomes = self.source.normalise(parsed, context)
        self.directory |= context.memories
        return outcomes

    def all(self, body: Any, headers: Mapping[str, str] | None = None) -> list[Any]:
        """The record, or the reason why there is none, of every item."""
        return [o.interaction if isinstance(o, Counted) else o.reason for o in self.outcomes(body, headers)]

    def one(self, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Of the only item."""
        (found,) = self.all(body, headers)
        return found
