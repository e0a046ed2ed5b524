"""A program of the brands' that asks the platforms' APIs: totals of posts, followers, and posts that no webhook tells.

Facebook's webhooks tell of no shares, Instagram's of nothing but comments: the rest is polled.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from pipeline.local.simulator import neutral
from pipeline.local.simulator.deliveries import Delivery, with_faults
from pipeline.local.simulator.happenings import TOLD, Happening
from pipeline.local.simulator.street import Street
from pipeline.local.simulator.world import World

CONNECTION = "own"


class Poller:
    """Asks of everything at every poll, and tells what is new. `secret`: of the connection `own`."""

    def __init__(self, world: World, secret: str, random: Random) -> None:
        self._world = world
        self._secret = secret
        self._random = random
        self._posts: list[Happening] = []
        self._told: dict[tuple[str, str], dict[str, int]] = {}
        self._sent = 0

    def notice(self, happenings: list[Happening]) -> None:
        """Remember posts that no webhook tells; the next poll finds them."""
        self._posts += [h for h in happenings if h.kind == "post" and not h.is_told]

    def poll(self, now_ms: int) -> list[Delivery]:
        """What has changed since the last poll, in the order of arrival."""
        posts, self._posts = self._posts, []
        found = [neutral.published(post) for post in posts]
        for street in self._world.streets.values():
            found += self._totals(street, now_ms)
        return with_faults([self._delivery(content, now_ms) for content in found], self._random)

    def _totals(self, street: Street, now_ms: int) -> Iterator[bytes]:
        brand, truth = street.brand, street.truth
        place = (brand.platform, brand.account)
        if self._is_new(brand.platform, brand.account, {"followers": street.followers}):
            yield neutral.totals(*place, None, {"followers": street.followers}, now_ms)
        if "share" in TOLD[brand.platform]:
            return
        for post in sorted(truth.likes.keys() | truth.shares.keys()):
            numbers = {"likes": truth.likes[post], "shares": truth.shares[post]}
            if self._is_new(brand.platform, post, numbers):
                yield neutral.totals(*place, post, numbers, now_ms)

    def _is_new(self, platform: str, about: str, numbers: dict[str, int]) -> bool:
        before = self._told.get((platform, about))
        self._told[platform, about] = numbers
        return numbers != before

    def _delivery(self, content: bytes, now_ms: int) -> Delivery:
        self._sent += 1
        headers = neutral.headers(content, self._secret, f"msg_{self._sent}", now_ms)
        return Delivery(CONNECTION, content, headers, now_ms)
