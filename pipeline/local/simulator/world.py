"""The world: what happens at all brands. Pure: a seed and the moments handed to `pass_time` decide everything."""

from __future__ import annotations

from random import Random

from pipeline.local.simulator.audience import Audience
from pipeline.local.simulator.brands import BRANDS, Brand
from pipeline.local.simulator.happenings import Happening
from pipeline.local.simulator.ids import Ids
from pipeline.local.simulator.street import Street


class World:
    """All brands, from a seed."""

    def __init__(self, seed: int, brands: tuple[Brand, ...] = BRANDS) -> None:
        self.brands = brands
        self._random = Random(seed)
        ids = Ids()
        self.streets = {
            brand: Street(brand, self._random, ids, Audience(self._random, number, brand.people))
            for number, brand in enumerate(brands)
        }

    def truth(self, brand: Brand) -> dict[str, int]:
        """What stands of a brand's: see `Truth.numbers`, and `followers`."""
        street = self.streets[brand]
        return {**street.truth.numbers(), "followers": street.followers}

    def pass_time(self, from_ms: int, until_ms: int, rate: float) -> list[Happening]:
        """What happens in this span at about so many happenings a second, oldest first."""
        happened: list[Happening] = []
        busy = sum(brand.busy for brand in self.brands)
        for brand, street in self.streets.items():
            expected = rate * brand.busy / busy * (until_ms - from_ms) / 1000
            happened += street.pass_time(from_ms, until_ms, int(expected + self._random.random()))
        return sorted(happened, key=lambda h: h.time_ms)
