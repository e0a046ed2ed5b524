"""The silent: how many of the followers did nothing. Pure.

Who did something is counted by HyperLogLog, which errs by 0.81 % (standard error; P. Flajolet and others, 2007; Redis
keeps 16,384 registers: 1.04 / sqrt(16384)). People who do not follow are among the engaged, so the share is a lower
bound of the silence.
"""

from __future__ import annotations

from pipeline.insights.answers import ACTORS_UNKNOWN, FOLLOWERS_UNKNOWN, Silence
from pipeline.insights.facts import AccountFacts

#: Relative standard error of a count of distinct actors.
ENGAGED_ERROR = 0.0081


def silence(facts: AccountFacts) -> list[Silence]:
    """Of the account in each window, then of each kind of posts for all time."""
    return [
        *(_silence("account", window, engaged, facts.followers) for window, engaged in facts.engaged.items()),
        *(_silence(*kind, engaged, facts.followers) for kind, engaged in facts.engaged_kinds.items()),
    ]


def _silence(of: str, value: str, engaged: int, followers: int | None) -> Silence:
    if not followers:
        return Silence(
            of=of, value=value, engaged=engaged, silent_share=None, silent_error=None, followers_per_engaged=None,
            note=FOLLOWERS_UNKNOWN,
        )  # fmt: skip
    return Silence(
        of=of,
        value=value,
        engaged=engaged,
        silent_share=max(0.0, 1 - engaged / followers),
        silent_error=ENGAGED_ERROR * engaged / followers,
        followers_per_engaged=followers / engaged if engaged else None,
        note=None if engaged else ACTORS_UNKNOWN,
    )
