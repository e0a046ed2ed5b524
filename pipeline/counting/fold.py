"""The fold: a slice of interactions into the pages that they touch. Pure: no Redis, no Kafka, no clock.

An event costs one look-up in its post's set and one addition to that post's change of its finest window; rows of wider
windows and of the account get the sum of a slice's changes once. Most events are plain likes and shares, which the
compiled `plain.pyx` merges; it hands the others on in their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.counting.comments import Comment, CommentChange, settle_comments
from pipeline.counting.labelled import Labelled
from pipeline.counting.live import LivePage, Sizes, sum_up
from pipeline.counting.members import CLASS_BITS, COMMENT, REMOVED, REPLY, counted_at_ms, hash_id, state_of
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
        #: The length of the finest window in which distinct actors are counted.
        self.engaged_ms = engaged_ms
        self.finest_ms = windows.finest_ms
        self.kept_ms = windows.sizes[0].kept_ms
        self._sizes = Sizes(windows)

    def fold(
        self,
        placed: Sequence[Placed],
        plain: Plain | None = None,
        places: Sequence[int] = (),
        again: Callable[[int], Placed] | None = None,
    ) -> Folded:
        """Merge each interaction into its post's set and the difference into the rows of post and account, in the order
        of the slice: `places` says of each placed one how many plain ones came before it.

        `again` gives a plain one as one of these by its position in the slice, for those that turn out not to be so
        plain: their object was a comment before."""
        folding = _Folding(self)
        out = folding.out
        if plain:
            assert again is not None and len(places) == len(placed)
            applied, late, out.refused_plain = plain.merge(
                out.touched, placed, places, folding.take, again, self.finest_ms, self.kept_ms, self.engaged_ms
            )
            out.applied += applied
            out.late += late
        else:
            for position, one in enumerate(placed):
                folding.take(position, one)
        events = len(placed) + (len(plain) if plain else 0)
        out.unchanged = events - out.applied - len(out.refused) - len(out.refused_plain)
        if folding.comments:
            out.comments = settle_comments(folding.comments, self.finest_ms)
        sum_up(out.touched, self._sizes)
        return out


class _Folding:
    """One slice."""

    def __init__(self, fold: Fold) -> None:
        self.out = Folded()
        self.comments: list[Comment] = []
        self._finest_ms, self._kept_ms, self._engaged_ms = fold.finest_ms, fold.kept_ms, fold.engaged_ms

    def take(self, position: int, placed: Placed) -> None:
        """One that is not plain, and its position among the placed."""
        interaction, account, post = placed
        if post is None:
            self._take_account_totals(interaction, account)
            return
        if post.owner is not account:
            # The post's first event of the slice, or one of another account.
            if post.account != interaction.account and not _claim(post, interaction.account):
                self.out.refused.append(position)
                return
            post.touched = True
            post.owner = account
            self.out.touched.append(post)
        time_ms = interaction.time_ms
        post.first_ms = min(post.first_ms, time_ms)
        if time_ms > post.last_ms:
            post.last_ms = time_ms
        elif time_ms <= post.last_ms - self._kept_ms:
            self.out.late += 1
        if interaction.kind == "totals":
            self.out.applied += take_totals(interaction, account, post)
            return
        if interaction.action != "remove":
            if interaction.kind == "post":
                _label(post, interaction)
            elif interaction.actor is not None and not interaction.own:
                post.engage(time_ms // self._engaged_ms, interaction.actor)
        self._merge(interaction, post)

    def _merge(self, interaction: Interaction, post: LivePage) -> None:
        """The interaction's object in the post's set; the difference in the post's counts."""
        key, new = hash_id(interaction.id), state_of(interaction)
        old = post.members.merge(key, new)
        is_comment = interaction.kind == "comment"
        if is_comment:
            self.comments.append((post, key, interaction, old or None))
        if old >= new:
            return
        if old and not is_comment and old & CLASS_BITS in (COMMENT, REPLY):
            # Records that contradict each other: what was a comment is something else now.
            self.comments.append((post, key, interaction, old))
        self.out.applied += 1
        if not new & REMOVED:
            post.count(counted_at_ms(new) // self._finest_ms, new & CLASS_BITS, 1)
        if old and not old & REMOVED:
            post.count(counted_at_ms(old) // self._finest_ms, old & CLASS_BITS, -1)

    def _take_account_totals(self, interaction: Interaction, account: LivePage) -> None:
        time_ms = interaction.time_ms
        if not account.touched:
            account.touched = True
            self.out.touched.append(account)
        account.last_ms = max(account.last_ms, time_ms)
        account.first_ms = min(account.first_ms, time_ms)
        self.out.applied += take_totals(interaction, account, None)


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
