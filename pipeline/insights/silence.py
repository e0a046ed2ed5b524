"""The silent: how many of the followers did nothing. Pure.

Who did something is counted by HyperLogLog, which errs by 0.81 % (standard error; P. Flajolet and others, 2007; Redis
keeps 16,384 registers: 1.04 / sqrt(16384)). People who do not follow are among the engaged, so silence is rather larger
than the share; where it is unknown who liked, those who only liked are not, and it is rather smaller: `at_most`.
"""

from __future__ import annotations

from pipeline.insights.answers import ACTORS_UNKNOWN, FOLLOWERS_UNKNOWN, LIKERS_UNKNOWN, Silence
from pipeline.insights.facts import AccountFacts

#: Relative standard error of a count of distinct actors.
ENGAGED_ERROR = 0.0081


def silence(facts: AccountFacts) -> list[Silence]:
    """Of the account in each window, then of each kind of posts for all time."""
    return [
        *(_silence(facts, "account", window, engaged) for window, engaged in facts.engaged.items()),
        *(_silence(facts, *kind, engaged) for kind, engaged in facts.engaged_kinds.items()),
    ]


def _silence(facts: AccountFacts, of: str, value: str, engaged: int) -> Silence:
    followers = facts.followers
    if not followers:
        return Silence(
            of=of, value=value, engaged=engaged, silent_share=None, silent_error=None, followers_per_engaged=None,
            at_most=False, note=FOLLOWERS_UNKNOWN,
        )  # fmt: skip
    share = max(0.0, 1 - engaged / followers)
    bound = f"{LIKERS_UNKNOWN} {share * 100:.1f} %" if facts.hides_likers else None
    return Silence(
        of=of,
        value=value,
        engaged=engaged,
        silent_share=share,
        silent_error=ENGAGED_ERROR * engaged / followers,
        followers_per_engaged=followers / engaged if engaged else None,
        at_most=facts.hides_likers,
        note=bound if engaged else ACTORS_UNKNOWN,
    )
