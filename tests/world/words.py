"""What platforms say in the world: a few objects on a few posts, told in every order, twice, late, wrongly placed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from schemas.interaction import Interaction
from tests.factories import NOON_MS
from tests.world.world import BRANDS

#: Seconds around noon; hours and days before it: windows of every size, kept and past their retention.
SOON_MS = st.integers(0, 600).map(lambda s: NOON_MS - s * 1000)
LATE_MS = st.one_of(
    st.integers(1, 48).map(lambda h: NOON_MS - h * 3_600_000),
    st.integers(1, 120).map(lambda d: NOON_MS - d * 86_400_000),
)
ACTORS = st.sampled_from(["ann", "bob", "cid"])
WRITTEN = st.integers(0, 1_000)


@dataclass(frozen=True)
class About:
    """Another word on what was written before: the same again where nothing is changed. `what`: its name."""

    what: str
    which: int
    changes: dict[str, Any] = field(default_factory=dict)
    misplaced: bool = False


@dataclass(frozen=True)
class Reply:
    """A reply to what was written before, which need not be a comment."""

    to: int
    number: int
    own: bool
    time_ms: int


TEXTS = st.sampled_from(["Why not?", "Why not? (edited)", None])


@st.composite
def adds(draw: st.DrawFn) -> Interaction:
    """One of a few objects on two posts an account, so that they meet; now and then an edit comes before its add."""
    brand = draw(st.sampled_from(BRANDS))
    post = f"{brand}_{draw(st.integers(0, 1))}"
    kind: Any = draw(st.sampled_from(["like", "comment", "comment", "share", "post"]))
    return Interaction(
        platform="facebook",
        account=brand,
        kind=kind,
        action=draw(st.sampled_from(["add", "add", "edit"])),
        post=post,
        id=f"{post}#{draw(st.integers(0, 4))}",
        actor=draw(st.none() | ACTORS),
        text=draw(TEXTS) if kind in {"comment", "post"} else None,
        time_ms=draw(SOON_MS),
    )


KINDS = st.sampled_from(["like", "comment", "share", "post"])
ACTIONS = st.sampled_from(["add", "edit", "remove"])
DUPLICATES = st.builds(About, st.just("duplicate"), WRITTEN)
LATE = st.builds(
    About, st.just("late"), WRITTEN, st.fixed_dictionaries({"time_ms": LATE_MS, "action": ACTIONS, "text": TEXTS})
)
#: Of what was written just now, perhaps as an edit: it turns out to be older.
OLDER = st.builds(
    About,
    st.just("late"),
    st.integers(-3, -1),
    st.fixed_dictionaries({"time_ms": LATE_MS, "action": st.just("add"), "text": TEXTS}),
)
#: Also before the time of what they remove: out of order.
REMOVALS = st.builds(
    About, st.just("removal"), WRITTEN, st.fixed_dictionaries({"time_ms": SOON_MS, "action": st.just("remove")})
)
OTHER_KINDS = st.builds(
    About,
    st.just("other kind"),
    WRITTEN,
    st.fixed_dictionaries({"time_ms": SOON_MS, "kind": KINDS, "own": st.booleans()}),
)
#: Somebody's producer with another partitioner.
MISPLACED = st.builds(About, st.just("misplaced"), WRITTEN, misplaced=st.just(True))
REPLIES = st.builds(Reply, WRITTEN, st.integers(0, 3), st.sampled_from([True, True, False]), SOON_MS)
WORDS = st.one_of(adds(), adds(), DUPLICATES, LATE, OLDER, REMOVALS, OTHER_KINDS, REPLIES, MISPLACED)
