"""The brands of the demo: who they are, and how much their audience likes, talks and shares."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class PostShape:
    """Lifetime totals of a real post, from `posts.csv`, whose first lines name the source."""

    type: str
    comments: int
    likes: int
    shares: int


@dataclass(frozen=True)
class Brand:
    """A brand account. `busy`: its part of all traffic; the others multiply a real post's totals.

    `reply_rate`: how many of the audience's comments it answers.
    """

    platform: str
    account: str
    name: str
    character: str
    busy: float
    likes: float
    comments: float
    shares: float
    reply_rate: float


#: On Facebook nobody is told of shares of a Page's post, so those brands have none.
BRANDS = (
    Brand("facebook", "700100200301", "Harbour Coffee", "people talk", 1.0, 0.7, 12.0, 0.0, 0.45),
    Brand("facebook", "700100200302", "Lumen Cosmetics", "only liked", 1.6, 1.5, 0.4, 0.0, 0.05),
    Brand("facebook", "700100200303", "Northwind Cycles", "answers everyone", 0.8, 1.0, 4.0, 0.0, 0.85),
    Brand("x", "1720000000000000301", "Atlas Rail", "complaints", 0.8, 0.25, 9.0, 0.3, 0.2),
    Brand("x", "1720000000000000302", "Pixel Garden", "shared on", 0.8, 1.0, 1.5, 3.0, 0.1),
)


@cache
def post_shapes() -> tuple[PostShape, ...]:
    """The real totals that simulated posts follow."""
    text = files("pipeline.local.simulator").joinpath("posts.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter=";")
    return tuple(PostShape(r["type"], int(r["comments"]), int(r["likes"]), int(r["shares"])) for r in rows)
