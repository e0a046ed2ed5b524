"""The brands of the demo: who they are, how they answer, and how much their audience likes, talks and shares."""

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
    """A brand account. `busy`: its part of all traffic; `likes`, `comments`, `shares` multiply a real post's totals.

    `reply_rate`: how many of the audience's comments it answers, `answer_ms`: after how long on average. `questions`:
    how many of its posts ask an open question. `people`: how many ever do something, of `followers`.
    """

    platform: str
    account: str
    name: str
    character: str
    topic: str
    busy: float
    likes: float
    comments: float
    shares: float
    reply_rate: float
    answer_ms: int
    questions: float
    people: int
    followers: int


#: One never answers, one answers everybody at once, the others are in between.
BRANDS = (
    Brand(
        "facebook", "700100200301", "Harbour Coffee", "people talk", "coffee",
        busy=1.0, likes=0.7, comments=9.0, shares=0.5, reply_rate=0.45, answer_ms=90_000,
        questions=0.5, people=9_000, followers=38_400,
    ),
    Brand(
        "facebook", "700100200302", "Lumen Cosmetics", "only liked", "cosmetics",
        busy=1.6, likes=1.5, comments=0.4, shares=0.4, reply_rate=0.15, answer_ms=240_000,
        questions=0.5, people=40_000, followers=1_250_000,
    ),
    Brand(
        "facebook", "700100200303", "Northwind Cycles", "answers everyone", "cycles",
        busy=0.8, likes=1.0, comments=4.0, shares=1.0, reply_rate=1.0, answer_ms=10_000,
        questions=0.5, people=12_000, followers=92_000,
    ),
    Brand(
        "x", "1720000000000000301", "Atlas Rail", "complaints, never answers", "rail",
        busy=0.8, likes=0.25, comments=9.0, shares=0.3, reply_rate=0.0, answer_ms=1,
        questions=0.0, people=16_000, followers=310_000,
    ),
    Brand(
        "x", "1720000000000000302", "Pixel Garden", "shared on", "games",
        busy=0.8, likes=1.0, comments=1.5, shares=3.0, reply_rate=0.3, answer_ms=45_000,
        questions=0.5, people=10_000, followers=54_000,
    ),
    Brand(
        "instagram", "17841400000000306", "Olive & Thyme", "its likes are polled", "food",
        busy=0.8, likes=1.0, comments=3.0, shares=0.5, reply_rate=0.6, answer_ms=30_000,
        questions=0.5, people=14_000, followers=186_000,
    ),
)  # fmt: skip


@cache
def post_shapes() -> tuple[PostShape, ...]:
    """The real totals that simulated posts follow."""
    text = files("pipeline.local.simulator").joinpath("posts.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter=";")
    return tuple(PostShape(r["type"], int(r["comments"]), int(r["likes"]), int(r["shares"])) for r in rows)
