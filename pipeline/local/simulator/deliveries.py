"""Deliveries: happenings batched as the platforms do, and the faults that their documents announce.

Some come twice with the same bytes, some late and so out of order; within a batch the order means nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from pipeline.local.simulator import meta, x
from pipeline.local.simulator.world import Happening

REPEATED = 0.04
LATE = 0.06
LATE_MS = (500, 8_000)
REPEAT_MS = (200, 6_000)
#: Meta sometimes sends what it has gathered, sometimes single changes; never many of those.
SINGLY = 0.2
SINGLE_MAX = 30


@dataclass(frozen=True)
class Delivery:
    """One POST that tells of `interactions` things.

    `makes`: ids that are told of for the first time. `needs`: ids that must have been taken before, since X names a
    comment that is answered or deleted without saying what it is.
    """

    connection: str
    content: bytes
    headers: Mapping[str, str]
    due_ms: int
    interactions: int
    makes: frozenset[str]
    needs: frozenset[str]
    is_repeat: bool = False


def deliveries(
    happenings: Sequence[Happening], secrets: Mapping[str, str], now_ms: int, random: Random
) -> list[Delivery]:
    """What the platforms send of these happenings, in the order in which it arrives. `secrets`: by platform."""
    sent = [
        *_facebook([h for h in happenings if h.brand.platform == "facebook"], secrets["facebook"], now_ms, random),
        *_x([h for h in happenings if h.brand.platform == "x"], secrets["x"], now_ms, random),
    ]
    sent += [_again(delivery, random) for delivery in sent if random.random() < REPEATED]
    return sorted(sent, key=lambda delivery: delivery.due_ms)


def _facebook(happenings: list[Happening], secret: str, now_ms: int, random: Random) -> Iterator[Delivery]:
    random.shuffle(happenings)
    size = 1 if len(happenings) <= SINGLE_MAX and random.random() < SINGLY else meta.BATCH_MAX
    for start in range(0, len(happenings), size):
        part = happenings[start : start + size]
        content = meta.body(part, now_ms)
        yield _delivery("facebook", content, meta.headers(content, secret), part, now_ms, random, needed=False)


def _x(happenings: list[Happening], secret: str, now_ms: int, random: Random) -> Iterator[Delivery]:
    for content, part in x.bodies(happenings):
        yield _delivery("x", content, x.headers(content, secret), part, now_ms, random, needed=True)


def _delivery(
    connection: str,
    content: bytes,
    headers: Mapping[str, str],
    happenings: list[Happening],
    now_ms: int,
    random: Random,
    *,
    needed: bool,
) -> Delivery:
    due_ms = now_ms + (random.randint(*LATE_MS) if random.random() < LATE else 0)
    makes = frozenset(h.id for h in happenings if h.action == "add")
    # Within a delivery the order holds, and what stands before is known.
    needs = frozenset(h.needs for h in happenings if needed and h.needs) - makes
    return Delivery(connection, content, headers, due_ms, len(happenings), makes, needs)


def _again(first: Delivery, random: Random) -> Delivery:
    due_ms = first.due_ms + random.randint(*REPEAT_MS)
    return replace(first, due_ms=due_ms, is_repeat=True)
