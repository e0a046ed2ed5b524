"""Reads one rejected record again: an interaction that a worker or a file reader refused, or a platform delivery."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

from pipeline.clock import Clock
from pipeline.errors import UnreadableError
from pipeline.feeding.feed import RAW_ACTORS, check_line
from pipeline.feeding.lines import decode_line
from pipeline.gateway.connections import load
from pipeline.gateway.directory import Directory
from pipeline.gateway.intake import UNKNOWN
from pipeline.gateway.kept import to_read_again
from pipeline.gateway.pseudonyms import former_pseudonym, keyed_pseudonym
from pipeline.gateway.writers import writers
from pipeline.settings import Settings
from pipeline.sources.context import Context, Pseudonym
from pipeline.sources.delivery import Connection
from pipeline.sources.outcomes import Counted, Ignored, Unreadable
from pipeline.sources.registry import SOURCES
from schemas.interaction import Interaction
from schemas.rejected import Rejected

#: How long a replay waits for Redis: nobody waits for its answer as a platform does.
REDIS_S = 10.0


class Refusal(NamedTuple):
    """Why something of a record does not work: the short fixed word, and what was expected."""

    reason: str
    detail: str = ""


#: The interactions that a record yields now, and why not, or not all of it.
Outcome = tuple[list[Interaction], list[Refusal]]


class Deliveries:
    """Reads deliveries as the gateway does, signature apart: only what was verified got into the topic.

    Connections, pseudonyms and directory are opened when the first one needs them. `remember` False: for a dry run.
    """

    def __init__(self, settings: Settings, *, remember: bool) -> None:
        self._settings = settings
        self._remember = remember
        self._opened: Directory | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            await self._opened.close()

    @cached_property
    def pseudonym(self) -> Pseudonym:
        """Raises SettingsError without a key."""
        return keyed_pseudonym(self._settings.actor_key)

    async def read(self, rejected: Rejected) -> Outcome:
        """Everything that the delivery holds. Raises SettingsError and UnavailableError."""
        connection = self._connections.get(rejected.source)
        if connection is None or connection.platform != rejected.platform:
            expected = f"expected a connection {rejected.source} of {rejected.platform} in the connections file"
            return [], [Refusal("unknown_connection", expected)]
        source = SOURCES[connection.platform]
        delivery = to_read_again(rejected)
        try:
            parsed = source.parse(delivery)
        except UnreadableError as error:
            return [], [Refusal(error.reason, str(error))]
        known = await self._directory.look_up(connection.platform, source.references(parsed), connection.accounts)
        context = Context(connection, rejected.time_ms, self.pseudonym, known, former_pseudonym(self._settings))
        outcomes = source.normalise(parsed, context)
        if source.tells_erasures:
            context.memories |= dict(writers(outcomes))
        if self._remember and context.memories:
            await self._directory.remember(connection.platform, context.memories, connection.accounts)
        interactions = [outcome.interaction for outcome in outcomes if isinstance(outcome, Counted)]
        interactions += context.superseded
        refused = [Refusal(one.reason, one.detail) for one in outcomes if isinstance(one, Unreadable)]
        kept = [one for one in outcomes if isinstance(one, Ignored) and one.item is not None]
        refused += [Refusal(one.reason, UNKNOWN) for one in kept]
        return interactions, refused

    @cached_property
    def _connections(self) -> dict[str, Connection]:
        return load(Path(self._settings.connections_file))[0]

    @property
    def _directory(self) -> Directory:
        if self._opened is None:
            self._opened = Directory(self._settings, REDIS_S)
        return self._opened


class Again:
    """Reads rejected records of every stage."""

    def __init__(self, settings: Settings, deliveries: Deliveries, clock: Clock) -> None:
        self._future_limit_ms = settings.future_limit_s * 1000
        self._deliveries = deliveries
        self._clock = clock

    async def read(self, rejected: Rejected) -> Outcome:
        """What it yields now. What would lie in the future still is no use to send."""
        if rejected.stage in {"count", "feed"}:
            return self._read_interaction(rejected)
        interactions, refusals = await self._deliveries.read(rejected)
        latest_ms = self._clock() + self._future_limit_ms
        timely = [interaction for interaction in interactions if interaction.time_ms <= latest_ms]
        early = [interaction for interaction in interactions if interaction.time_ms > latest_ms]
        return timely, refusals + [Refusal("time_in_future", f"time_ms is {one.time_ms}") for one in early]

    def _read_interaction(self, rejected: Rejected) -> Outcome:
        raw_actors = rejected.headers.items() >= RAW_ACTORS.items()
        line = decode_line(0, rejected.bytes)
        pseudonym = self._deliveries.pseudonym if raw_actors and line.interaction else None
        checked = check_line(line, self._clock() + self._future_limit_ms, pseudonym)
        return ([checked.interaction], []) if checked.interaction else ([], [Refusal(checked.reason, checked.detail)])
