"""The table of what a platform's events can deliver is what the payloads of the corpus yield."""

from __future__ import annotations

from collections import defaultdict

from pipeline.sources.registry import SOURCES
from schemas.platforms import DELIVERED, NUMBERS, SOMETIMES
from tests.contract.corpus import cases

#: Envelopes for data of any platform.
NEUTRAL = {"standardwebhooks", "cloudevents"}
#: Documented by the platform (the overview of what arrives), without a payload of its own.
NOT_IN_THE_CORPUS: dict[str, set[str]] = {"gitlab": {"likes", "comments"}}


def yielded() -> dict[str, set[str]]:
    """Platform -> the numbers that an audience's interactions in its payloads count for."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases():
        for record in case.expected.get("interactions", ()):
            if f"{record['kind']}s" in NUMBERS and not record.get("own"):
                found[record["platform"]].add(f"{record['kind']}s")
    return found


def test_every_platform_stands_in_the_table() -> None:
    """Otherwise numbers that it cannot deliver would be shown as counted zeros."""
    assert SOURCES.keys() - NEUTRAL - DELIVERED.keys() == set()


def test_what_the_payloads_yield_is_delivered() -> None:
    """And what no payload of a platform yields is not, so that a total is shown in its place."""
    found = yielded()
    for platform, numbers in DELIVERED.items():
        assert found[platform] <= numbers, platform
        assert numbers - found[platform] <= NOT_IN_THE_CORPUS.get(platform, set()), platform


def test_what_comes_sometimes_can_come_at_all() -> None:
    for platform, numbers in SOMETIMES.items():
        assert numbers <= DELIVERED[platform]
