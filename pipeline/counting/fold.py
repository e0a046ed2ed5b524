"""The fold: a slice of interactions into the pages that they touch. Pure: no Redis, no Kafka, no clock.

An event costs one look-up in its post's set and one addition to that post's change of its finest window; rows of wider
windows and of the account get the sum of a slice's changes once. Most events are plain likes and shares, which the
compiled `plain.pyx` merges before this loop sees the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xxhash import xxh3_64_intdigest

from pipeline.counting.comments import Comment, CommentChange, settle_comments
from pipeline.counting.labelled import Labelled
from pipeline.counting.live import LivePage, Sizes, sum_up
from pipeline.counting.members import (
    ADDED,
    CLASS_BITS,
    COMMENT,
    OWN_ADDED,
    REMOVED,
    REPLY,
    TIME_SHIFT,
    counted_at_ms,
    state_of,
)
from pipeline.counting.plain import Plain
from pipeline.counting.totals import take_totals
from pipeline.windows import Windows
from schemas.interaction import Interaction

DAY_MS = 86_400_000

#: An interaction with its account's page and its post's; totals of an account have no post.
Placed = tuple[Interaction, LivePage, LivePage | None]


@dataclass
class Folded:
    """What a slice did. `refused` are the positions among the placed of records about a post of another account,
    `refused_plain` those of plain ones in the slice; `comments` say what the slice means for the queue of unanswered
    comments and their texts."""

    touched: list[LivePage] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    refused_plain: list[int] = field(default_factory=list)
    applied: int = 0
    unchanged: int = 0
    late: int = 0
    comments: list[CommentChange] = field(default_factory=list)


class Fold:
    """Folds slices; holds only the window sizes and what can be computed from them once."""

    def __init__(self, windows: Windows, engaged_ms: int = DAY_MS) -> None:
        self.windows = windows
        #: The length of the finest window in which distinct actors are counted.
        self.engaged_ms = engaged_ms
        self.finest_ms = windows.finest_ms
        self.kept_ms = windows.sizes[0].kept_ms
        self._sizes = Sizes(windows)

    def fold(
        self, placed: Sequence[Placed], plain: Plain | None = None, again: Callable[[int], Placed] | None = None
    ) -> Folded:
        """Merge each interaction into its post's set and the difference into the rows of post and account: the plain
        ones first, then these. `again` gives a plain one as one of these by its position in the slice, for those that
        turn out not to be so plain: their object was a comment before.

        `state_of` and `hash_id` stand in this loop a second time, for a call costs more than what they do.
        """
        out = Folded()
        finest_ms, kept_ms, engaged_ms, touched = self.finest_ms, self.kept_ms, self.engaged_ms, out.touched
        comments: list[Comment] = []
        applied = late = contradicting = 0
        if plain and again:
            applied, late, out.refused_plain, positions = plain.merge(touched, finest_ms, kept_ms, engaged_ms)
            contradicting = len(positions)
            placed = [*placed, *map(again, positions)]
        for position, (interaction, account, post) in enumerate(placed):
            if post is None:
                self._take_account_totals(interaction, account, out)
                continue
            if post.owner is not account:
                # The post's first event of the slice, or one of another account.
                if post.account != interaction.account and not _claim(post, interaction.account):
                    out.refused.append(position)
                    continue
                post.touched = True
                post.owner = account
                touched.append(post)
            time_ms = interaction.time_ms
            if time_ms > post.last_ms:
                post.last_ms = time_ms
                if post.first_ms > time_ms:
                    post.first_ms = time_ms
            else:
                if time_ms < post.first_ms:
                    post.first_ms = time_ms
                if time_ms <= post.last_ms - kept_ms:
                    late += 1
            kind = interaction.kind
            if kind == "totals":
                applied += take_totals(interaction, account, post)
                continue
            action, own = interaction.action, interaction.own
            if action == "add":
                new = time_ms << TIME_SHIFT | (OWN_ADDED if own else ADDED)[kind]
                finest = time_ms // finest_ms
            else:
                new = state_of(interaction)
                finest = counted_at_ms(new) // finest_ms
            if not own and kind != "post":
                actor = interaction.actor
                if actor is not None and action != "remove":
                    post.engage(time_ms // engaged_ms, actor)
            elif kind == "post" and action != "remove":
                _label(post, interaction)
            key = xxh3_64_intdigest(interaction.id.encode())
            old = post.members.merge(key, new)
            if kind == "comment":
                comments.append((post, key, interaction, old or None))
            if old >= new:
                continue
            if old and kind != "comment" and old & CLASS_BITS in (COMMENT, REPLY):
                # Records that contradict each other: what was a comment is something else now.
                comments.append((post, key, interaction, old))
            applied += 1
            if not new & REMOVED:
                post.count(finest, new & CLASS_BITS, 1)
            if old and not old & REMOVED:
                post.count(counted_at_ms(old) // finest_ms, old & CLASS_BITS, -1)
        out.applied += applied
        out.late += late
        events = len(placed) - contradicting + (len(plain) if plain else 0)
        out.unchanged = events - applied - len(out.refused) - len(out.refused_plain)
        if comments:
            out.comments = settle_comments(comments, finest_ms)
        sum_up(touched, self._sizes)
        return out

    def _take_account_totals(self, interaction: Interaction, account: LivePage, out: Folded) -> None:
        time_ms = interaction.time_ms
        if not account.touched:
            account.touched = True
            out.touched.append(account)
        account.last_ms = max(account.last_ms, time_ms)
        account.first_ms = min(account.first_ms, time_ms)
        out.applied += take_totals(interaction, account, None)


def _label(post: LivePage, interaction: Interaction) -> None:
    if post.labelled is None:
        post.labelled = Labelled.of(interaction)
    else:
        post.labelled.take(interaction)


def _claim(post: LivePage, account: str) -> bool:
    """A new post belongs to the account that names it first."""
    if post.account:
        return False
    post.account = account
    return True
