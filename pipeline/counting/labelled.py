"""What a post is labelled as: of all records that publish or edit it, the newest says it. Pure.

The labels are those of the newest record; the hour and the weekday are those of the publication, the earliest of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from pipeline.labels.post import Labels, decode_labels, encode_labels, label_post
from schemas.interaction import Interaction


@dataclass(slots=True)
class Labelled:
    """`published_ms`: the earliest event time of the records, `labelled_ms`: of the one whose labels hold."""

    published_ms: int
    labelled_ms: int
    labels: Labels
    changed: bool = False

    @classmethod
    def of(cls, interaction: Interaction) -> Labelled:
        """From a post's first record."""
        return cls(interaction.time_ms, interaction.time_ms, _timeless(label_post(interaction)), changed=True)

    def take(self, interaction: Interaction) -> None:
        """Another record of the post; the order in which they come makes no difference."""
        time_ms = interaction.time_ms
        if time_ms < self.published_ms:
            self.published_ms, self.changed = time_ms, True
        if time_ms >= self.labelled_ms:
            labels = _timeless(label_post(interaction))
            # Of the same time: any, but always the same.
            if time_ms > self.labelled_ms or encode_labels(labels) > encode_labels(self.labels):
                self.labelled_ms, self.labels, self.changed = time_ms, labels, True

    def fields(self) -> tuple[str, ...]:
        """As a page shows it: name, value, ..."""
        shown = replace(self.labels, hour=self.published_ms // 3_600_000 % 24, weekday=self.weekday)
        return (
            "labels", encode_labels(shown).decode(), "published_ms", str(self.published_ms),
            "labelled_ms", str(self.labelled_ms),
        )  # fmt: skip

    @property
    def weekday(self) -> int:
        """Of the publication, UTC; Monday is 0, and 1970-01-01 was a Thursday."""
        return (self.published_ms // 86_400_000 + 3) % 7


def parse_labelled(labels: str | None, published_ms: str | None, labelled_ms: str | None) -> Labelled | None:
    """From a page's fields; None where the post was never labelled."""
    if labels is None or published_ms is None or labelled_ms is None:
        return None
    return Labelled(int(published_ms), int(labelled_ms), _timeless(decode_labels(labels)))


def _timeless(labels: Labels) -> Labels:
    return replace(labels, hour=0, weekday=0)
