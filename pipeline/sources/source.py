"""What a platform's file gives: the protocol that the gateway and the command line call, and the loop that reads.

A source is stateless. It sees the platform's own ids; every actor passes through `Context.counted`, where it becomes a
pseudonym before a record exists. What only the directory knows is asked for first (`references`), then reading is pure.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from pipeline.errors import RefusedError, UnreadableError
from pipeline.settings import Secret
from pipeline.sources import signatures
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery
from pipeline.sources.fields import decode_json
from pipeline.sources.outcomes import LATER, Counted, Ignored, Known, Outcome, Unreadable
from schemas.interaction import Interaction, decode_interaction, encode_interaction


class Source(ABC):
    """A platform. `schemes`: the signature schemes it may use, its own first. `handshakes`: methods it answers itself.

    `takes_tail`: its address may go on after the connection's name (a secret in the path). `needs_secret`: whether a
    connection must have a secret; one that verifies with public keys has none. `tells_erasures`: whether it says when
    somebody's account is gone, of the whole network: then those who wrote to us must be remembered.
    """

    name: str
    schemes: tuple[str, ...]
    handshakes: frozenset[str] = frozenset()
    takes_tail: bool = False
    needs_secret: bool = True
    tells_erasures: bool = False

    def wanted_key(self, delivery: Delivery, connection: Connection, now_s: float) -> str | None:
        """The address of the public key that verifying needs and the connection lacks; None where it has all it needs.

        Whoever calls `verify` fetches it and puts it into `connection.public_keys`. Raises RefusedError where no key
        could help: nothing is fetched for a delivery that is refused anyway.
        """
        return None

    def verify(self, delivery: Delivery, connection: Connection, now_s: float) -> None:
        """Accept the delivery, or raise RefusedError."""
        signatures.verify(connection.scheme, delivery, connection.secrets, now_s)

    def answer(self, request: Delivery, connection: Connection) -> Answer:
        """The answer to a request that is no delivery. Raises RefusedError."""
        if request.method not in self.handshakes:
            raise RefusedError("no_handshake")
        return self.handshake(request, connection)

    def handshake(self, request: Delivery, connection: Connection) -> Answer:
        """The answer to the platform's question whether this address is really its owner's. Raises RefusedError."""
        raise RefusedError("no_handshake")

    def check_secret(self, secret: Secret) -> str | None:
        """What is expected of a secret that does not fit the platform's form, None where it fits."""
        return None

    def check_accounts(self, accounts: frozenset[str]) -> str | None:
        """What is expected of a connection's accounts that do not fit the platform, None where they fit."""
        return None

    def parse(self, delivery: Delivery) -> Any:
        """The delivery taken apart. Raises UnreadableError where it is not in the platform's format."""
        return decode_json(delivery.body)

    def references(self, parsed: Any) -> Iterable[str]:
        """The ids of which the directory must be asked before the delivery can be read."""
        return ()

    @abstractmethod
    def items(self, parsed: Any) -> Iterator[Any]:
        """Everything that the delivery tells, one by one. Never raises."""

    @abstractmethod
    def read(self, item: Any, context: Context) -> Interaction | Ignored:
        """What one item means. Raises UnreadableError where it should count and a part of it is missing."""

    @abstractmethod
    def wrap(self, item: Any) -> Any:
        """The smallest delivery that holds this item alone: what is kept if it cannot be read.

        As a JSON value; as bytes where the platform's deliveries are no JSON.
        """

    def memories(self, item: Any, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """What must be remembered of an item so that later ones can be understood."""
        return ()

    def normalise(self, parsed: Any, context: Context) -> list[Outcome]:
        """An outcome for every item: one bad item never spoils the others."""
        return list(self.outcomes(parsed, context))

    def outcomes(self, parsed: Any, context: Context) -> Iterator[Outcome]:
        """The same one by one: a large delivery need not lie in memory with all that comes of it."""
        for item in self.items(parsed):
            superseded = len(context.superseded)
            outcome = self._outcome(item, context)
            if isinstance(outcome, Unreadable):
                del context.superseded[superseded:]  # what is not counted supersedes nothing
            yield outcome

    def _outcome(self, item: Any, context: Context) -> Outcome:
        try:
            outcome = self.read(item, context)
        except UnreadableError as error:
            return Unreadable("normalise", error.reason, str(error)[:1000], self._item_bytes(item))
        except ValueError as error:  # Interaction refuses what its shape alone cannot
            return Unreadable("schema", "schema", str(error)[:1000], self._item_bytes(item))
        if isinstance(outcome, Ignored):
            self._remember(item, outcome, context)
            return replace(outcome, item=self._item_bytes(item)) if outcome.reason == LATER else outcome
        value = encode_interaction(outcome)
        try:
            # The constructor checks no types and no limits; the decoder does, at 0.6 us.
            decode_interaction(value)
        except msgspec.ValidationError as error:
            return Unreadable("schema", "schema", str(error)[:1000], self._item_bytes(item))
        self._remember(item, outcome, context)
        return Counted(outcome, value)

    def _remember(self, item: Any, outcome: Interaction | Ignored, context: Context) -> None:
        """What an item teaches, but for ids longer than those of records: no later item could use them."""
        for object_id, known in self.memories(item, outcome):
            if known.fits(object_id):
                context.memories[object_id] = known

    def _item_bytes(self, item: Any) -> bytes:
        wrapped = self.wrap(item)
        if isinstance(wrapped, bytes):
            return wrapped
        try:
            return msgspec.json.encode(wrapped)
        except OverflowError:  # a number beyond 64 bits somewhere in the item
            return json.dumps(wrapped).encode()
