"""Totals: absolute numbers that a platform gave when asked. The newest wins, number by number; a tie: the greater.

A post's likes, comments and shares stand on its page and in the account's sum; followers stand on the account. They
stand beside the counted numbers and never change them.
"""

from __future__ import annotations

from pipeline.counting.live import LivePage
from pipeline.counting.page import POLLED, Polled
from pipeline.windows import ALL
from schemas.interaction import Interaction


def take_totals(interaction: Interaction, account: LivePage, post: LivePage | None) -> bool:
    """Set the polled numbers that a totals record carries. True when anything changed."""
    if post is None:
        return _set(account, "followers", interaction.followers, interaction.time_ms)
    changed = False
    for name in POLLED[:3]:
        before = post.polled.get(name)
        if _set(post, name, getattr(interaction, name), interaction.time_ms):
            changed = True
            now = post.polled[name]
            total = account.polled.get(name, Polled(0, 0))
            value = total.value + now.value - (before.value if before else 0)
            account.polled[name] = Polled(value, max(total.as_of_ms, now.as_of_ms))
            _mark(account, name)
    return changed


def _set(page: LivePage, name: str, value: int | None, time_ms: int) -> bool:
    if value is None:
        return False
    before = page.polled.get(name)
    if before is not None and (time_ms, value) <= (before.as_of_ms, before.value):
        return False
    page.polled[name] = Polled(value, time_ms)
    _mark(page, name)
    return True


def _mark(page: LivePage, name: str) -> None:
    page.polled_changed.append(name)
    page.mark(ALL)
