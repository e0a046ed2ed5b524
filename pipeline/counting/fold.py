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
from pipeline.counting.live import LivePage
from pipeline.counting.members import ADDED, COMMENT, OWN_ADDED, REMOVED, REPLY, TIME_SHIFT, counted_at_ms, state_of
from pipeline.counting.plain import Plain
from pipeline.counting.rows import ONE
from pipeline.counting.totals import take_totals
from pipeline.windows import Windows
from schemas.interaction import Interaction

#: One object of each class as a packed row; an uncounted one is nothing.
VALUE = (*ONE, 0)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
#: Windows whose codes are remembered between slices.
CODES_MOST = 100_000

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
        #: Finest window -> its row's code and all wider ones; the next wider code -> it and all wider ones.
        self._codes: dict[int, tuple[int, ...]] = {}
        self._wider: dict[int, tuple[int, ...]] = {}

    def fold(
        self, placed: Sequence[Placed], plain: Plain | None = None, again: Callable[[int], Placed] | None = None
    ) -> Folded:
        """Merge each interaction into its post's set and the difference into the rows of post and account: the plain
        ones first, then these. `again` gives a plain one as one of these by its position in the slice, for those that
        turn out not to be so plain: their object was a comment before.

        `state_of` and `hash_id` stand in this loop a second time, for a call costs more than what they do.
        """
        if len(self._codes) > CODES_MOST:
            self._codes.clear()
            self._wider.clear()
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
            if old and kind != "comment" and old & 7 in (COMMENT, REPLY):
                # Records that contradict each other: what was a comment is something else now.
                comments.append((post, key, interaction, old))
            applied += 1
            delta = post.delta
            if not new & REMOVED:
                delta[finest] = delta.get(finest, 0) + VALUE[new & 7]
            if old and not old & REMOVED:
                finest = counted_at_ms(old) // finest_ms
                delta[finest] = delta.get(finest, 0) - VALUE[old & 7]
        out.applied += applied
        out.late += late
        events = len(placed) - contradicting + (len(plain) if plain else 0)
        out.unchanged = events - applied - len(out.refused) - len(out.refused_plain)
        if comments:
            out.comments = settle_comments(comments, finest_ms)
        self._sum_up(touched)
        return out

    def _take_account_totals(self, interaction: Interaction, account: LivePage, out: Folded) -> None:
        time_ms = interaction.time_ms
        if not account.touched:
            account.touched = True
            out.touched.append(account)
        account.last_ms = max(account.last_ms, time_ms)
        account.first_ms = min(account.first_ms, time_ms)
        out.applied += take_totals(interaction, account, None)

    def _sum_up(self, touched: list[LivePage]) -> None:
        """Add each post's changes to its account, then every page's changes to its rows."""
        accounts = []
        for post in touched:
            account = post.owner
            if account is None:
                continue
            post.owner = None
            post.gather()
            if not account.touched:
                account.touched = True
                accounts.append(account)
            if post.last_ms > account.last_ms:
                account.last_ms = post.last_ms
            if post.first_ms < account.first_ms:
                account.first_ms = post.first_ms
            sums = account.delta
            for finest, change in post.delta.items():
                sums[finest] = sums.get(finest, 0) + change
        touched += accounts
        for page in touched:
            if page.delta:
                self._change_rows(page)
                page.delta = {}
            if page.last_ms // HOUR_MS != page.pruned_hour:
                self._prune(page)

    def _change_rows(self, page: LivePage) -> None:
        """Each finest row gets its change; a wider row the sum of those within it, once."""
        rows, changed, codes_of = page.rows, page.changed, self._codes
        oldest = (page.last_ms - self.kept_ms) // self.finest_ms
        sums: dict[int, int] = {}
        for finest, change in page.delta.items():
            if not change:
                continue
            codes = codes_of.get(finest) or self.codes(finest)
            if finest < oldest:
                self._add(page, self._kept(page, codes), change)
                continue
            code, wider = codes[0], codes[1]
            rows[code] = rows.get(code, 0) + change
            changed[code] = None
            sums[wider] = sums.get(wider, 0) + change
        for wider, change in sums.items():
            self._add(page, self._wider[wider], change)

    @staticmethod
    def _add(page: LivePage, codes: tuple[int, ...], change: int) -> None:
        rows, changed = page.rows, page.changed
        for code in codes:
            rows[code] = rows.get(code, 0) + change
            changed[code] = None

    def _kept(self, page: LivePage, codes: tuple[int, ...]) -> tuple[int, ...]:
        """The codes whose rows this page still keeps; a lingering row of the others goes, for it is right no more."""
        kept = tuple(code for code in codes if self.windows.is_kept(code, page.last_ms))
        for code in codes:
            if code not in kept and page.rows.pop(code, None) is not None:
                page.changed[code] = None
        return kept

    def _prune(self, page: LivePage) -> None:
        """Once an hour of event time: let go of the rows past their retention."""
        page.pruned_hour = page.last_ms // HOUR_MS
        if page.first_ms > page.last_ms - self.kept_ms:
            return
        for code in self.windows.past(page.rows, page.last_ms):
            del page.rows[code]
            page.changed[code] = None

    def codes(self, finest: int) -> tuple[int, ...]:
        """The codes of all rows that a window of the finest size lies in; remembered, for many events share them."""
        codes = self._codes.get(finest)
        if codes is None:
            codes = self._codes[finest] = self.windows.codes(finest * self.finest_ms)
            self._wider[codes[1]] = codes[1:]
        return codes


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
