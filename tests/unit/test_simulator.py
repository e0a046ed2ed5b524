"""The simulated platforms: their webhooks, read and counted, give exactly what the simulator knows to stand."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

from pipeline.local.simulator.brands import BRANDS, Brand, post_shapes
from pipeline.local.simulator.deliveries import Delivery, deliveries
from pipeline.local.simulator.world import World
from pipeline.proving.oracle import Oracle
from pipeline.settings import Secret
from pipeline.sources.delivery import Connection
from pipeline.sources.delivery import Delivery as Received
from pipeline.sources.outcomes import Counted, Ignored, Known
from pipeline.sources.registry import SOURCES
from pipeline.sources.source import Context
from pipeline.windows import ALL, Windows
from tests.factories import NOON_MS

SECRETS = {"facebook": "facebook-secret", "x": "x-secret"}
STEP_MS = 250


def play(seed: int, steps: int) -> tuple[World, list[Delivery]]:
    """A world in which time passed, and what its platforms sent, in the order of arrival."""
    world, random, sent = World(seed), Random(seed), []
    for step in range(steps):
        from_ms = NOON_MS + step * STEP_MS
        happenings = world.pass_time(from_ms, from_ms + STEP_MS, rate=400)
        sent += deliveries(happenings, SECRETS, from_ms + STEP_MS, random)
    return world, sorted(sent, key=lambda delivery: delivery.due_ms)


def in_possible_order(sent: list[Delivery]) -> list[Delivery]:
    """X tells of an answer or a deletion only after the thing itself."""
    taken: set[str] = set()
    ordered: list[Delivery] = []
    waiting = sent
    while waiting:
        ready = next(delivery for delivery in waiting if delivery.needs <= taken)
        waiting = [delivery for delivery in waiting if delivery is not ready]
        taken |= ready.makes
        ordered.append(ready)
    return ordered


def read(sent: list[Delivery]) -> tuple[Oracle, Counter[str]]:
    """Verified, read and counted as the gateway and the worker would."""
    oracle, ignored, known = Oracle(Windows.parse("1m:3h,1h:8d,1d:90d")), Counter[str](), dict[str, Known]()
    for delivery in sent:
        source = SOURCES[delivery.connection]
        connection = Connection(
            delivery.connection, delivery.connection, source.schemes[0], (Secret(SECRETS[delivery.connection]),)
        )
        received = Received(delivery.content, delivery.headers, received_ms=delivery.due_ms)
        source.verify(received, connection, delivery.due_ms / 1000)
        context = Context(connection, delivery.due_ms, lambda platform, actor: actor, known)
        for outcome in source.normalise(source.parse(received), context):
            if isinstance(outcome, Counted):
                assert oracle.take(outcome.value, delivery.due_ms) == "accepted"
            else:
                ignored[outcome.reason if isinstance(outcome, Ignored) else "unreadable"] += 1
        known |= context.memories
    return oracle, ignored


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_webhooks_tell_exactly_what_stands(seed: int) -> None:
    """Batches, repeats, delays, another order, removals and answers: the counts are those of the world."""
    world, sent = play(seed, steps=160)
    oracle, ignored = read(in_possible_order(sent))
    counted = {(name.platform, name.id): page.rows[ALL] for name, page in oracle.pages() if name.entity == "account"}
    assert ignored == Counter()
    assert counted == {(b.platform, b.account): tuple(world.truth(b).values()) for b in BRANDS}


def test_everything_that_platforms_do_occurs() -> None:
    """Or the demo would show less than it claims."""
    world, sent = play(1, steps=160)
    verbs = Counter(
        (change["value"]["item"], change["value"]["verb"])
        for delivery in sent
        if delivery.connection == "facebook"
        for entry in json.loads(delivery.content)["entry"]
        for change in entry["changes"]
    )
    x_events = {key for d in sent if d.connection == "x" for key in json.loads(d.content) if key.endswith("_events")}
    assert {("reaction", v) for v in ("add", "edit", "remove")} | {("comment", "edited"), ("comment", "remove")} <= set(
        verbs
    )
    assert x_events == {"favorite_events", "tweet_create_events", "tweet_delete_events"}
    assert any(delivery.is_repeat for delivery in sent)
    assert any(delivery.interactions > 20 for delivery in sent)
    assert all(world.truth(brand)["replies"] for brand in BRANDS if brand.reply_rate > 0.4)


def test_same_seed_gives_the_same_webhooks() -> None:
    """So what goes wrong once can be looked at again."""
    assert play(7, steps=20)[1] == play(7, steps=20)[1]


def test_brands_differ_in_character() -> None:
    """The ratio tells those that people talk to from those that are only liked."""
    world, _ = play(1, steps=400)

    def ratio(brand: Brand) -> float:
        return world.truth(brand)["comments"] / world.truth(brand)["likes"]

    by_name = {brand.name: ratio(brand) for brand in BRANDS}
    assert by_name["Atlas Rail"] > by_name["Harbour Coffee"] > by_name["Lumen Cosmetics"]


def test_post_shapes_are_real_totals() -> None:
    """Sixty rows of the published data set; most posts have many likes and few comments."""
    shapes = post_shapes()
    assert len(shapes) == 60
    assert sum(shape.likes > shape.comments for shape in shapes) > 50
