"""The simulated platforms of the demo, played without servers: what they send, read as the gateway and worker would."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from random import Random

from pipeline.local.simulator.deliveries import Delivery, deliveries
from pipeline.local.simulator.happenings import Happening
from pipeline.local.simulator.polls import CONNECTION, Poller
from pipeline.local.simulator.world import World
from pipeline.proving.oracle import Oracle
from pipeline.settings import Secret
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection
from pipeline.sources.delivery import Delivery as Received
from pipeline.sources.outcomes import Counted, Ignored, Known
from pipeline.sources.registry import SOURCES
from pipeline.windows import Windows
from schemas.interaction import Interaction
from tests.factories import NOON_MS

SECRETS = {
    "facebook": "facebook-secret",
    "instagram": "instagram-secret",
    "x": "x-secret",
    CONNECTION: f"whsec_{b64encode(b'0123456789abcdef01234567').decode()}",
}
PLATFORMS = {CONNECTION: "standardwebhooks"}
STEP_MS = 250
RATE = 400
POLL_STEPS = 20


class Played:
    """A world in which time passed, what happened there, and what its platforms sent, in the order of arrival."""

    def __init__(self, seed: int, steps: int) -> None:
        self.world, random = World(seed), Random(seed)
        poller = Poller(self.world, SECRETS[CONNECTION], random)
        self.happenings: list[Happening] = []
        sent: list[Delivery] = []
        for step in range(steps):
            from_ms = NOON_MS + step * STEP_MS
            happenings = self.world.pass_time(from_ms, from_ms + STEP_MS, RATE)
            poller.notice(happenings)
            sent += deliveries(happenings, SECRETS, from_ms + STEP_MS, random)
            self.happenings += happenings
            if step % POLL_STEPS == 0:
                sent += poller.poll(from_ms + STEP_MS)
        sent += poller.poll(NOON_MS + steps * STEP_MS)
        self.sent = _in_possible_order(sorted(sent, key=lambda delivery: delivery.due_ms))


class Reading:
    """Deliveries verified, read and counted as the gateway and the worker would."""

    def __init__(self, sent: list[Delivery]) -> None:
        self.oracle = Oracle(Windows.parse("1m:3h,1h:8d,1d:90d"))
        self.ignored: Counter[str] = Counter()
        self.interactions: list[Interaction] = []
        self._known: dict[str, Known] = {}
        for delivery in sent:
            self._take(delivery)

    def _take(self, delivery: Delivery) -> None:
        platform = PLATFORMS.get(delivery.connection, delivery.connection)
        source = SOURCES[platform]
        connection = Connection(
            delivery.connection, platform, source.schemes[0], (Secret(SECRETS[delivery.connection]),)
        )
        received = Received(delivery.content, delivery.headers, received_ms=delivery.due_ms)
        source.verify(received, connection, delivery.due_ms / 1000)
        context = Context(connection, delivery.due_ms, lambda platform, actor: actor, self._known)
        for outcome in source.normalise(source.parse(received), context):
            if isinstance(outcome, Counted):
                assert self.oracle.take(outcome.value, delivery.due_ms) == "accepted"
                self.interactions.append(outcome.interaction)
            else:
                self.ignored[outcome.reason if isinstance(outcome, Ignored) else outcome.detail] += 1
        self._known |= context.memories


def _in_possible_order(sent: list[Delivery]) -> list[Delivery]:
    """X tells of an answer or a deletion only after the thing itself."""
    taken: set[str] = set()
    ordered: list[Delivery] = []
    while sent:
        waiting = []
        for delivery in sent:
            if delivery.needs <= taken:
                taken |= delivery.makes
                ordered.append(delivery)
            else:
                waiting.append(delivery)
        assert len(waiting) < len(sent)
        sent = waiting
    return ordered
