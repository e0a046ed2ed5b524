"""Which numbers the events of a platform can deliver: the rest has to be polled (`kind: totals`).

One line a platform of ours; whatever else a record names as its platform is somebody's own data and delivers all. A
test holds the table against the payloads of every platform.
"""

from __future__ import annotations

from typing import Literal

Number = Literal["likes", "comments", "shares"]

#: The numbers that an audience makes, in the order in which they are shown.
NUMBERS: tuple[Number, ...] = ("likes", "comments", "shares")

DELIVERED: dict[str, frozenset[Number]] = {
    "facebook": frozenset({"likes", "comments"}),
    "instagram": frozenset({"comments"}),
    "threads": frozenset({"comments"}),
    "x": frozenset(NUMBERS),
    "linkedin": frozenset(NUMBERS),
    "mastodon": frozenset(NUMBERS),
    "activitypub": frozenset(NUMBERS),
    "bluesky": frozenset(NUMBERS),
    "tiktok": frozenset(),
    "youtube": frozenset(),
    "discourse": frozenset({"likes", "comments"}),
    "telegram": frozenset({"likes", "comments"}),
    "wordpress": frozenset({"comments"}),
    "gitlab": frozenset({"likes", "comments"}),
}
#: Delivered only over some ways into the platform: Mastodon's webhook tells no likes and its streams do; reactions of a
#: Telegram channel come as totals, those of a group as events. Where none was counted, what was polled is the number.
SOMETIMES: dict[str, frozenset[Number]] = {
    "mastodon": frozenset({"likes"}),
    "telegram": frozenset({"likes"}),
}


def delivers(platform: str, number: Number) -> bool:
    """Whether events of the platform can deliver the number at all."""
    delivered = DELIVERED.get(platform)
    return delivered is None or number in delivered


def is_polled(platform: str, number: Number, counted: int) -> bool:
    """Whether the platform's own total stands for the number, where there is one. `counted`: by its events."""
    return not delivers(platform, number) or (not counted and number in SOMETIMES.get(platform, ()))
