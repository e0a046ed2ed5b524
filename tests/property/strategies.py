"""Interactions of a few objects on a few posts, so that they meet: repeats, edits, removals, ties, other kinds."""

from __future__ import annotations

from hypothesis import strategies as st

from schemas.interaction import Interaction
from tests.driver import accounts_of
from tests.factories import NOON_MS

ACCOUNTS = accounts_of(0, 3)
#: Seconds around noon, then hours and days before it: windows of every size, kept and past their retention.
TIMES_MS = st.one_of(
    st.integers(0, 600).map(lambda s: NOON_MS - s * 1000),
    st.integers(0, 48).map(lambda h: NOON_MS - h * 3_600_000),
    st.integers(0, 120).map(lambda d: NOON_MS - d * 86_400_000),
)
#: What outside may call a thing: hash tags, separators, control characters, other scripts.
NASTY = st.sampled_from(["p1", "p{2}", "p:3|x", "p 4\x1b[31m", "p5\n\r\x00", "pяé"])


@st.composite
def interactions(draw: st.DrawFn) -> Interaction:
    """One interaction; its object's id does not depend on kind and action, so that they contradict each other."""
    account = draw(st.sampled_from(ACCOUNTS))
    post = f"{account}/{draw(NASTY)}"
    time_ms = draw(TIMES_MS)
    if draw(st.integers(0, 9)) == 0:
        return _totals(draw, account, post, time_ms)
    return Interaction(
        platform="facebook",
        account=account,
        # Comments more often than the rest: they have threads besides.
        kind=draw(st.sampled_from(["like", "comment", "comment", "comment", "share", "post"])),
        action=draw(st.sampled_from(["add", "add", "add", "edit", "remove"])),
        post=post,
        id=f"{post}#{draw(st.integers(0, 4))}",
        own=draw(st.booleans()),
        parent=draw(st.sampled_from([None, *(f"{post}#{number}" for number in range(5))])),
        actor=draw(st.sampled_from([None, "ann", "bob", "cid"])),
        text=draw(st.sampled_from([None, "Why not?", "yes"])),
        time_ms=time_ms,
    )


def _totals(draw: st.DrawFn, account: str, post: str, time_ms: int) -> Interaction:
    """With one number at least that counts where it is about, and any of the others."""
    number = st.one_of(st.none(), st.integers(0, 1000))
    of_account = draw(st.booleans())
    numbers = {name: draw(number) for name in ("likes", "comments", "shares", "followers")}
    counts = "followers" if of_account else draw(st.sampled_from(["likes", "comments", "shares"]))
    numbers[counts] = draw(st.integers(0, 1000))
    return Interaction(
        platform="facebook",
        account=account,
        kind="totals",
        action="add",
        post=None if of_account else post,
        id=account if of_account else post,
        time_ms=time_ms,
        **numbers,
    )


def logs() -> st.SearchStrategy[list[Interaction]]:
    """A partition's log: some interactions, with repeats, in any order."""
    fresh = st.lists(interactions(), min_size=1, max_size=40)
    return fresh.flatmap(
        lambda some: st.lists(st.sampled_from(some), min_size=0, max_size=10).map(lambda more: some + more)
    ).flatmap(st.permutations)
