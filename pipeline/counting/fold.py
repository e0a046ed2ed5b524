"""The fold: a slice of interactions into the pages that they touch. Pure: no Redis, no Kafka, no clock.

An event costs one dictionary look-up in its post's set and one addition to that post's change of its finest window;
rows of wider windows and of the account get the sum of a slice's changes once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.counting.live import LivePage
from pipeline.counting.members import REMOVED, counted_at_ms, hash_id, state_of
from pipeline.counting.page import POLLED, Polled
from pipeline.counting.rows import ONE
from pipeline.windows import ALL, Windows
from schemas.interaction import Interaction

#: One object of each class as a packed row; an uncounted one is nothing.
VALUE = (*ONE, 0)
HOUR_MS = 3_600_000

#: An interaction with its account's page and its post's; totals of an account have no post.
Placed = tuple[Interaction, LivePage, LivePage | None]


@dataclass
class Folded:
    """What a slice did. `refused` are the positions in the slice of records about a post of another account."""

    touched: list[LivePage] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    applied: int = 0
    unchanged: int = 0
    late: int = 0


class Fold:
    """Folds slices; holds only the window sizes and what can be computed from them once."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.finest_ms = windows.finest_ms
        self.kept_ms = windows.sizes[0].kept_ms
        self._codes: dict[int, tuple[int, ...]] = {}

    def fold(self, placed: Sequence[Placed]) -> Folded:
        """Merge each interaction into its post's set and the difference into the rows of post and account."""
        out = Folded()
        finest_ms, kept_ms, touched = self.finest_ms, self.kept_ms, out.touched
        for position, (interaction, account, post) in enumerate(placed):
            time_ms = interaction.time_ms
            if post is not None and post.account != interaction.account:
                if post.account:
                    out.refused.append(position)
                    continue
                post.account = interaction.account
            for page in (account, post):
                if page is None:
                    continue
                if not page.touched:
                    page.touched = True
                    touched.append(page)
                if time_ms > page.last_ms:
                    page.last_ms = time_ms
                if page.first_ms is None or time_ms < page.first_ms:
                    page.first_ms = time_ms
            if interaction.kind == "totals":
                changed = take_totals(interaction, account, post)
                out.applied += changed
                out.unchanged += not changed
                continue
            assert post is not None
            new = state_of(interaction)
            members = post.members
            key = hash_id(interaction.id)
            old = members.get(key)
            if old is not None and old >= new:
                out.unchanged += 1
                continue
            members[key] = new
            post.appended += (key, new)
            out.applied += 1
            if time_ms <= post.last_ms - kept_ms:
                out.late += 1
            delta = post.delta
            if not new & REMOVED:
                finest = time_ms // finest_ms
                delta[finest] = delta.get(finest, 0) + VALUE[new & 7]
            if old is not None and not old & REMOVED:
                finest = counted_at_ms(old) // finest_ms
                delta[finest] = delta.get(finest, 0) - VALUE[old & 7]
        self._sum_up(placed, touched)
        return out

    def _sum_up(self, placed: Sequence[Placed], touched: list[LivePage]) -> None:
        """Add each post's changes to its account, then every page's changes to its rows."""
        seen = set()
        for _, account, post in placed:
            if post is None or post.key in seen or not post.delta:
                continue
            seen.add(post.key)
            sums = account.delta
            for finest, change in post.delta.items():
                sums[finest] = sums.get(finest, 0) + change
        for page in touched:
            if page.delta:
                self._change_rows(page)
                page.delta = {}
            if page.last_ms // HOUR_MS != page.pruned_hour:
                self._prune(page)

    def _change_rows(self, page: LivePage) -> None:
        rows, changed, codes_of = page.rows, page.changed, self._codes
        oldest = page.last_ms - self.kept_ms
        for finest, change in page.delta.items():
            if not change:
                continue
            codes = codes_of.get(finest) or self.codes(finest)
            if (finest + 1) * self.finest_ms <= oldest:
                codes = self._kept(page, codes)
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
        is_kept, last_ms = self.windows.is_kept, page.last_ms
        for code in [code for code in page.rows if not is_kept(code, last_ms)]:
            del page.rows[code]
            page.changed[code] = None

    def codes(self, finest: int) -> tuple[int, ...]:
        """The codes of all rows that a window of the finest size lies in; remembered, for many events share them."""
        codes = self._codes.get(finest)
        if codes is None:
            if len(self._codes) > 100_000:
                self._codes.clear()
            codes = self._codes[finest] = self.windows.codes(finest * self.finest_ms)
        return codes


def take_totals(interaction: Interaction, account: LivePage, post: LivePage | None) -> bool:
    """Set polled numbers, newest wins number by number (a tie: the greater). True when anything changed.

    A post's likes, comments and shares stand on its page and in the account's sum; followers stand on the account.
    """
    if post is None:
        return _poll(account, "followers", interaction.followers, interaction.time_ms)
    changed = False
    for name in POLLED[:3]:
        before = post.polled.get(name)
        if _poll(post, name, getattr(interaction, name), interaction.time_ms):
            changed = True
            now = post.polled[name]
            total = account.polled.get(name, Polled(0, 0))
            value = total.value + now.value - (before.value if before else 0)
            account.polled[name] = Polled(value, max(total.as_of_ms, now.as_of_ms))
            _mark_polled(account, name)
    return changed


def _poll(page: LivePage, name: str, value: int | None, time_ms: int) -> bool:
    if value is None:
        return False
    before = page.polled.get(name)
    if before is not None and (time_ms, value) <= (before.as_of_ms, before.value):
        return False
    page.polled[name] = Polled(value, time_ms)
    _mark_polled(page, name)
    return True


def _mark_polled(page: LivePage, name: str) -> None:
    page.polled_changed.append(name)
    page.changed[ALL] = None
