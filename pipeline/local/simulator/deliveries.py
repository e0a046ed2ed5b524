"""Deliveries: happenings batched as the platforms do, and the faults that their documents announce.

Some come twice with the same bytes, some late and so out of order; within a batch the order means nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from pipeline.local.simulator import meta, x
from pipeline.local.simulator.happenings import Happening

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
    interactions: int = 1
    makes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    is_repeat: bool = False


def deliveries(
    happenings: Sequence[Happening], secrets: Mapping[str, str], now_ms: int, random: Random
) -> list[Delivery]:
    """What the platforms send of these happenings, in the order in which it arrives. `secrets`: by connection."""

    def told(platform: str) -> list[Happening]:
        return [h for h in happenings if h.brand.platform == platform and h.is_told]

    return with_faults(
        [
            *_facebook(told("facebook"), secrets["facebook"], now_ms, random),
            *_x(told("x"), secrets["x"], now_ms),
            *_instagram(told("instagram"), secrets["instagram"], now_ms),
        ],
        random,
    )


def with_faults(sent: Iterable[Delivery], random: Random) -> list[Delivery]:
    """Some late, some twice; in the order in which they arrive."""
    due = [replace(d, due_ms=d.due_ms + random.randint(*LATE_MS)) if random.random() < LATE else d for d in sent]
    due += [_again(delivery, random) for delivery in due if random.random() < REPEATED]
    return sorted(due, key=lambda delivery: delivery.due_ms)


def _facebook(happenings: list[Happening], secret: str, now_ms: int, random: Random) -> Iterator[Delivery]:
    random.shuffle(happenings)
    size = 1 if len(happenings) <= SINGLE_MAX and random.random() < SINGLY else meta.BATCH_MAX
    for start in range(0, len(happenings), size):
        part = happenings[start : start + size]
        content = meta.body(part, now_ms)
        yield Delivery("facebook", content, meta.headers(content, secret), now_ms, len(part))


def _instagram(happenings: list[Happening], secret: str, now_ms: int) -> Iterator[Delivery]:
    for start in range(0, len(happenings), meta.BATCH_MAX):
        part = happenings[start : start + meta.BATCH_MAX]
        content = meta.instagram_body(part)
        yield Delivery("instagram", content, meta.headers(content, secret), now_ms, len(part))


def _x(happenings: list[Happening], secret: str, now_ms: int) -> Iterator[Delivery]:
    for content, part in x.bodies(happenings):
        makes = frozenset(h.id for h in part if h.action == "add")
        # Within a delivery the order holds, and what stands before is known.
        needs = frozenset(needed for h in part if (needed := x.needed(h))) - makes
        yield Delivery("x", content, x.headers(content, secret), now_ms, len(part), makes, needs)


def _again(first: Delivery, random: Random) -> Delivery:
    due_ms = first.due_ms + random.randint(*REPEAT_MS)
    return replace(first, due_ms=due_ms, is_repeat=True)
