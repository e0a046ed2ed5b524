"""Happenings: what somebody does at a brand's account, and which of it each platform's webhooks tell."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.local.simulator.brands import Brand
from schemas.interaction import Action, Kind, Media

#: Facebook tells nobody of shares of a Page's post; Instagram tells of comments, and of nothing else that counts.
TOLD: dict[str, frozenset[Kind]] = {
    "facebook": frozenset({"like", "comment", "post"}),
    "x": frozenset({"like", "comment", "share", "post"}),
    "instagram": frozenset({"comment"}),
}


@dataclass(frozen=True)
class Happening:
    """Something that stands, changes or falls. `parent`: for a reply, the comment that it answers."""

    brand: Brand
    kind: Kind
    action: Action
    post: str
    id: str
    actor: str
    time_ms: int
    own: bool = False
    text: str | None = None
    reaction: str | None = None
    parent: str | None = None
    media: Media | None = None

    @property
    def is_told(self) -> bool:
        """Whether a webhook tells of it; the rest shows in totals only."""
        return self.kind in TOLD[self.brand.platform]


def second_thoughts(platform: str, kind: Kind, own: bool) -> tuple[Action, ...]:
    """What can become of a thing such that those who listen to the platform get to know.

    X tells of the account's own deletions only, Instagram of none, and neither of edits. What stands in totals only can
    be taken back on every platform.
    """
    if kind not in TOLD[platform]:
        return ("remove",)
    if platform == "facebook":
        return ("edit", "remove")
    return ("remove",) if platform == "x" and own else ()
