"""Conversation, amplification and applause: comments, shares and likes per post. Pure.

Avinash Kaushik, "Best Social Media Metrics: Conversation, Amplification, Applause, Economic Value" (2011). Per 1,000
followers they compare accounts of different sizes, as in the relative rates of TrueSocialMetrics.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.insights.answers import FOLLOWERS_UNKNOWN, Rate, Rates
from pipeline.insights.facts import AccountFacts
from pipeline.insights.statistics import mean
from schemas.platforms import Number


def rates(facts: AccountFacts) -> Rates:
    """The three rates over these posts; per 1,000 followers where followers are known and not 0."""
    unknown = [f"{number} unknown: the platform does not send them" for number in sorted(facts.unknown)]
    return Rates(
        conversation=_rate(facts, "comments", [post.comments for post in facts.posts]),
        amplification=_rate(facts, "shares", [post.shares for post in facts.posts]),
        applause=_rate(facts, "likes", [post.likes for post in facts.posts]),
        note="; ".join([*unknown, *([] if facts.followers else [FOLLOWERS_UNKNOWN])]) or None,
    )


def _rate(facts: AccountFacts, number: Number, values: Sequence[int]) -> Rate:
    per_post = None if number in facts.unknown else mean(values)
    relative = None if per_post is None or not facts.followers else per_post * 1_000 / facts.followers
    return Rate(per_post=per_post, per_1000_followers=relative)
