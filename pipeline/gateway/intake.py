"""A delivery's way through the gateway: verify, read, remember, publish. Says what was taken once that is certain.

What crashes between the steps: an entry in the directory without its interaction is harmless (the sender had no answer
and repeats; what a removal of it then removes is not there), an interaction without its entry would make its removal
unresolvable for good. So the directory is written first, and both before the 2xx.
"""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pipeline.clock import Clock
from pipeline.errors import RefusedError, TooLargeError, UnavailableError, UnreadableError
from pipeline.gateway import metrics
from pipeline.gateway.directory import Directory
from pipeline.gateway.kept import Failure, cut, item_headers, item_headers_bytes, rejected, whole_headers
from pipeline.gateway.lanes import Outgoing
from pipeline.gateway.portions import Portions, Turns, run
from pipeline.gateway.pseudonyms import former_pseudonym
from pipeline.gateway.public_keys import PublicKey, PublicKeys
from pipeline.gateway.publisher import Publisher
from pipeline.gateway.writers import writer, writers
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.sources.context import Context, Pseudonym
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.outcomes import Counted, Ignored, Known, Outcome
from pipeline.sources.registry import SOURCES
from pipeline.sources.source import Source
from schemas.erasure import Erasure, encode_erasure
from schemas.interaction import encode_interaction
from schemas.rejected import Rejected, encode_rejected
from schemas.topics import ERASED, INTERACTIONS, REJECTED

logger = logging.getLogger("twoway.gateway")

#: The topics that it writes; the publisher must know them.
WRITTEN = (INTERACTIONS, REJECTED, ERASED)
#: The detail of a removal that is kept until what it removes has come.
UNKNOWN = "nothing is known of what it removes; a replay after that has come sends it"
#: As base64 it fits the topic's own limit (max.message.bytes in schemas/topics.py).
KEPT_BYTES = 6_000_000
#: As base64 it fits any broker's default limit.
CUT_BYTES = 700_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a delivery yielded: everything in it is certain once this exists."""

    accepted: int = 0
    rejected: int = 0
    ignored: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: Receipt) -> Receipt:
        if not self.accepted and not self.rejected and not self.ignored:
            return other
        ignored = {
            reason: self.ignored.get(reason, 0) + other.ignored.get(reason, 0)
            for reason in self.ignored | other.ignored
        }
        return Receipt(self.accepted + other.accepted, self.rejected + other.rejected, ignored)


class Intake:
    """Takes deliveries of known connections."""

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        directory: Directory,
        pseudonym: Pseudonym,
        keys: PublicKeys,
        clock: Clock,
    ) -> None:
        self._interactions = settings.topic(INTERACTIONS.name)
        self._rejected = settings.topic(REJECTED.name)
        self._erased = settings.topic(ERASED.name)
        self._former = former_pseudonym(settings)
        self._publisher = publisher
        self._directory = directory
        self._pseudonym = pseudonym
        self._keys = keys
        self._clock = clock
        self._turns = Turns()

    async def take(self, delivery: Delivery, connection: Connection) -> Receipt:
        """Return once Kafka has everything that the delivery yields.

        Raises RefusedError (signature), UnreadableError (its bytes are kept as rejected), UnavailableError.
        """
        source = SOURCES[connection.platform]
        try:
            await self._verify(source, delivery, connection)
        except RefusedError as error:
            metrics.REFUSALS.labels(connection.platform, error.reason).inc()
            raise
        return await self.take_trusted(delivery, connection)

    async def take_trusted(self, delivery: Delivery, connection: Connection) -> Receipt:
        """The same for what came over a connection that we opened ourselves: there is no signature to verify."""
        try:
            async with self._turns.turn(delivery):
                return await self._take_apart(delivery, connection)
        except UnreadableError as error:
            metrics.REJECTED.labels(connection.platform, "parse").inc()
            failure = Failure("parse", error.reason, str(error), delivery.body)
            await self._keep(delivery, connection, whole_headers(delivery, connection), [failure])
            raise

    async def _take_apart(self, delivery: Delivery, connection: Connection) -> Receipt:
        """Portion by portion. A crash in between is a delivery without an answer: its sender repeats it as a whole."""
        source = SOURCES[connection.platform]
        portions, receipt = Portions(source, delivery, item_headers_bytes(delivery)), Receipt()
        references = await portions.parse()
        accounts = connection.accounts
        known = await self._directory.look_up(connection.platform, references, accounts) if references else {}
        context = Context(connection, delivery.received_ms, self._pseudonym, known, self._former)
        async for outcomes in portions.outcomes(context):
            if source.tells_erasures:
                context.memories |= dict(writers(outcomes))
            unremembered = await self._remember(connection, context.memories)
            receipt += await self._publish(outcomes, delivery, connection)
            await self._publish_besides(outcomes, context, delivery)
            if unremembered is not None:
                # It counts already. The sender repeats it until it is remembered, too; the repeats count for nothing.
                raise UnavailableError(*unremembered.args)  # a new one: that one's frames hold it, and the delivery
            known |= context.memories
            context.memories, context.superseded = {}, []
        return receipt

    async def _verify(self, source: Source, delivery: Delivery, connection: Connection) -> None:
        """Accept the delivery, with a public key from elsewhere if that is what it takes. Raises RefusedError."""
        now_s = self._clock() / 1000
        address = await run(delivery, source.wanted_key, delivery, connection, now_s)
        if address is None:
            await run(delivery, source.verify, delivery, connection, now_s)
            return
        key = await self._keys.get(address)
        try:
            await run(delivery, source.verify, delivery, _with_key(connection, key), now_s)
        except RefusedError:
            renewed = await self._keys.renew(address)  # it may have been changed since
            if renewed is None or renewed == key:
                raise
            await run(delivery, source.verify, delivery, _with_key(connection, renewed), now_s)

    async def _remember(self, connection: Connection, memories: dict[str, Known]) -> UnavailableError | None:
        if memories:
            try:
                await self._directory.remember(connection.platform, memories, connection.accounts)
            except UnavailableError as error:
                return error
        return None

    async def _publish(self, outcomes: list[Outcome], delivery: Delivery, connection: Connection) -> Receipt:
        records: list[Outgoing] = []
        kept: list[Failure] = []
        later: list[Failure] = []
        ignored: dict[str, int] = {}
        kinds: dict[tuple[str, str], int] = {}
        for outcome in outcomes:
            if isinstance(outcome, Counted):
                interaction = outcome.interaction
                key, slot = _place(interaction.platform, interaction.account)
                records.append(Outgoing(self._interactions, slot, key, outcome.value))
                kind = (interaction.kind, interaction.action)
                kinds[kind] = kinds.get(kind, 0) + 1
            elif isinstance(outcome, Ignored):
                ignored[outcome.reason] = ignored.get(outcome.reason, 0) + 1
                if outcome.item is not None:
                    later.append(Failure("normalise", outcome.reason, UNKNOWN, outcome.item))
            else:
                kept.append(Failure(outcome.stage, outcome.reason, outcome.detail, outcome.item))
        await self._publisher.publish(records, delivery.received_ms)
        for stage, number in Counter(failure.stage for failure in kept).items():
            metrics.REJECTED.labels(connection.platform, stage).inc(number)
        await self._keep(delivery, connection, item_headers(delivery.headers), kept + later)
        platform = connection.platform
        for (name, action), number in kinds.items():
            metrics.interactions(platform, name, action).inc(number)
        for reason, number in ignored.items():
            metrics.IGNORED.labels(platform, reason).inc(number)
        return Receipt(len(records), len(kept), ignored)

    async def _publish_besides(self, outcomes: list[Outcome], context: Context, delivery: Delivery) -> None:
        """Erasures of actors, and during a key's rotation the removals of likes under their former ids."""
        platform = context.connection.platform
        gone = [outcome.actor for outcome in outcomes if isinstance(outcome, Ignored) and outcome.actor is not None]
        gone += [context.aliases[actor] for actor in gone if actor in context.aliases]
        # A network tells of everybody's end: only those of whom a text can be kept are worth an erasure.
        known = await self._directory.look_up(platform, map(writer, gone)) if gone else {}
        records = []
        for actor in gone:
            if writer(actor) in known:
                erasure = Erasure(platform=platform, actor=actor, time_ms=delivery.received_ms)
                records.append(Outgoing(self._erased, 0, erasure.key.encode(), encode_erasure(erasure)))
        for interaction in context.superseded:
            key, slot = _place(interaction.platform, interaction.account)
            records.append(Outgoing(self._interactions, slot, key, encode_interaction(interaction)))
        if records:
            await self._publisher.publish(records, delivery.received_ms)

    async def _keep(
        self, delivery: Delivery, connection: Connection, headers: dict[str, str], failures: list[Failure]
    ) -> None:
        """Publish what was rejected; cut where the topic takes no large records."""
        if not failures:
            return
        records = [rejected(delivery, connection, headers, failure) for failure in failures]
        try:
            await self._publisher.publish([self._outgoing(one, KEPT_BYTES) for one in records], delivery.received_ms)
        except TooLargeError:
            logger.warning("topic %s takes no large records; a rejected delivery is cut", self._rejected)
            await self._publisher.publish([self._outgoing(one, CUT_BYTES) for one in records], delivery.received_ms)

    def _outgoing(self, record: Rejected, limit_bytes: int) -> Outgoing:
        value = encode_rejected(cut(record, limit_bytes))
        return Outgoing(self._rejected, zlib.crc32(value) % SLOTS, None, value)


def _with_key(connection: Connection, key: PublicKey) -> Connection:
    return replace(connection, public_keys={key.actor: key.pem})


@lru_cache(maxsize=65_536)
def _place(platform: str, account: str) -> tuple[bytes, int]:
    """Key and slot of an account's records."""
    return f"{platform}:{account}".encode(), slot_of(platform, account)
