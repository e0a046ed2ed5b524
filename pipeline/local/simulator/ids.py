"""Ids as the platforms make them, unique and the same for the same seed."""

from __future__ import annotations

from pipeline.local.simulator.brands import Brand

_FIRST = {"facebook": 900_000_000_000, "x": 1_850_000_000_000_000_000, "instagram": 17_900_000_000_000_000}


class Ids:
    """One for all brands of a world."""

    def __init__(self) -> None:
        self._made = 0

    def post(self, brand: Brand) -> str:
        """A new post's."""
        number = self._next(brand)
        return f"{brand.account}_{number}" if brand.platform == "facebook" else number

    def comment(self, brand: Brand, post: str) -> str:
        """A new comment's, reply's or share's."""
        number = self._next(brand)
        return f"{post.partition('_')[2]}_{number}" if brand.platform == "facebook" else number

    def _next(self, brand: Brand) -> str:
        self._made += 1
        return str(_FIRST[brand.platform] + self._made)
