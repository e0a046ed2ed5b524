"""What a platform's file gives: the protocol that the gateway and the command line call, and the loop that reads.

A source is stateless. It sees the platform's own ids; every actor passes through `Context.counted`, where it becomes a
pseudonym before a record exists. What only the directory knows is asked for first (`references`), then reading is pure.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from pipeline.errors import RefusedError, UnreadableError
from pipeline.settings import Secret
from pipeline.sources import signatures
from pipeline.sources.delivery import Answer, Connection, Delivery
from pipeline.sources.fields import decode_json
from pipeline.sources.outcomes import LATER, Counted, Ignored, Known, Outcome, Unreadable
from schemas.interaction import (
    LONGEST_TEXT,
    Action,
    Interaction,
    Kind,
    Media,
    TimeFrom,
    decode_interaction,
    encode_interaction,
)

LONGEST_REACTION = 256
LONGEST_URL = 2048

#: (platform, actor) -> what stands for the actor in records. The command line's gives the actor itself.
Pseudonym = Callable[[str, str], str]


class Context:
    """What reading a delivery may use: its connection, the receiver's clock, pseudonyms and the directory.

    `memories` collects what this delivery adds to the directory; later items of the same delivery see it at once.
    While the key of the pseudonyms is being rotated (`former`), `superseded` collects the removals that go with likes:
    under the former key the same like has another id, and must not stand beside the new one. `aliases` are the former
    pseudonyms that were met, by the new.
    """

    __slots__ = (
        "_former", "_known", "_pseudonym", "aliases", "connection", "memories", "received_ms", "superseded",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        received_ms: int,
        pseudonym: Pseudonym,
        known: Mapping[str, Known],
        former: Pseudonym | None = None,
    ) -> None:
        self.connection = connection
        self.received_ms = received_ms
        self.memories: dict[str, Known] = {}
        self.superseded: list[Interaction] = []
        self.aliases: dict[str, str] = {}
        self._pseudonym = pseudonym
        self._former = former
        self._known = known

    def look_up(self, object_id: str | None) -> Known | None:
        """What is known of an id."""
        if object_id is None:
            return None
        return self.memories.get(object_id) or self._known.get(object_id)

    def pseudonym(self, platform: str, actor: str) -> str:
        """What stands for the actor in records."""
        shown = self._pseudonym(platform, actor)
        if self._former is not None:
            self.aliases[shown] = self._former(platform, actor)
        return shown

    def clock(self, *times: tuple[int | None, TimeFrom]) -> tuple[int, TimeFrom]:
        """The first usable time with whose clock it is; the receiver's where there is none."""
        for time_ms, time_from in times:
            if time_ms is not None:
                return time_ms, time_from
        return self.received_ms, "received"

    def counted(
        self,
        platform: str,
        account: str,
        kind: Kind,
        action: Action,
        *,
        post: str,
        time: tuple[int, TimeFrom],
        object_id: str | None = None,
        actor: str | None = None,
        own: bool = False,
        parent: str | None = None,
        text: str | None = None,
        reaction: str | None = None,
        url: str | None = None,
        media: Media | None = None,
        questions: bool = True,
    ) -> Interaction:
        """An interaction, its actor replaced by the pseudonym, also in the id `<post>/<actor>` of a like.

        `own` is found from `actor` besides. A text over the limit is cut, an address over the limit left out: neither
        is worth a lost count. `questions` False: the delivery itself says that the post is not to be labelled.
        """
        own = own or self.connection.is_brand(account, actor)
        shown = None if actor is None else self.pseudonym(platform, actor)
        if kind == "like" and shown is not None:
            object_id = f"{post}/{shown}"
        if object_id is None:
            if kind != "post":
                raise UnreadableError("missing_field", f"expected an id of the {kind}")
            object_id = post
        if kind == "like" and shown in self.aliases:
            self._supersede(platform, account, post, self.aliases[shown], own=own, time=time)
        return Interaction(
            platform=platform,
            account=account,
            kind=kind,
            action=action,
            post=post,
            id=object_id,
            actor=shown,
            own=own,
            parent=parent,
            time_ms=time[0],
            time_from=time[1],
            text=text[:LONGEST_TEXT] if text else None,
            reaction=reaction[:LONGEST_REACTION] if reaction else None,
            url=url if url and len(url) <= LONGEST_URL else None,
            media=media if kind == "post" else None,
            questions=(questions and self.connection.questions) or kind != "post",
        )

    def _supersede(
        self, platform: str, account: str, post: str, former: str, *, own: bool, time: tuple[int, TimeFrom]
    ) -> None:
        """At the same time a remove is greater than an add: whatever stood under the former id stands no more."""
        self.superseded.append(
            Interaction(
                platform=platform,
                account=account,
                kind="like",
                action="remove",
                post=post,
                id=f"{post}/{former}",
                actor=former,
                own=own,
                time_ms=time[0],
                time_from=time[1],
            )
        )

    def totals(
        self,
        platform: str,
        account: str,
        *,
        post: str | None,
        time: tuple[int, TimeFrom],
        likes: int | None = None,
        comments: int | None = None,
        shares: int | None = None,
        followers: int | None = None,
    ) -> Interaction:
        """Absolute numbers of a post, or without one of the account. Raises UnreadableError where none is there."""
        if likes is comments is shares is followers is None:
            raise UnreadableError("missing_field", "expected likes, comments, shares or followers")
        return Interaction(
            platform=platform,
            account=account,
            kind="totals",
            action="add",
            post=post,
            id=post or account,
            time_ms=time[0],
            time_from=time[1],
            likes=likes,
            comments=comments,
            shares=shares,
            followers=followers,
        )

    def only_account(self) -> str:
        """The connection's account. Raises UnreadableError where it does not name exactly one."""
        account = self.connection.account
        if account is None:
            raise UnreadableError("missing_account", "expected the connection to name exactly one account")
        return account


class Source(ABC):
    """A platform. `schemes`: the signature schemes it may use, its own first. `handshakes`: methods it answers itself.

    `takes_tail`: its address may go on after the connection's name (a secret in the path). `needs_secret`: whether a
    connection must have a secret; one that verifies with public keys has none.
    """

    name: str
    schemes: tuple[str, ...]
    handshakes: frozenset[str] = frozenset()
    takes_tail: bool = False
    needs_secret: bool = True

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
        return [self._outcome(item, context) for item in self.items(parsed)]

    def _outcome(self, item: Any, context: Context) -> Outcome:
        try:
            outcome = self.read(item, context)
        except UnreadableError as error:
            return Unreadable("normalise", error.reason, str(error)[:1000], self._item_bytes(item))
        except ValueError as error:  # Interaction refuses what its shape alone cannot
            return Unreadable("schema", "schema", str(error)[:1000], self._item_bytes(item))
        if isinstance(outcome, Ignored):
            context.memories.update(self.memories(item, outcome))
            return replace(outcome, item=self._item_bytes(item)) if outcome.reason == LATER else outcome
        value = encode_interaction(outcome)
        try:
            # The constructor checks no types and no limits; the decoder does, at 0.6 us.
            decode_interaction(value)
        except msgspec.ValidationError as error:
            return Unreadable("schema", "schema", str(error)[:1000], self._item_bytes(item))
        context.memories.update(self.memories(item, outcome))
        return Counted(outcome, value)

    def _item_bytes(self, item: Any) -> bytes:
        wrapped = self.wrap(item)
        if isinstance(wrapped, bytes):
            return wrapped
        try:
            return msgspec.json.encode(wrapped)
        except OverflowError:  # a number beyond 64 bits somewhere in the item
            return json.dumps(wrapped).encode()
