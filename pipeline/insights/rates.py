"""Conversation, amplification and applause: comments, shares and likes per post. Pure.

Avinash Kaushik, "Best Social Media Metrics: Conversation, Amplification, Applause, Economic Value" (2011). Per 1,000
followers they compare accounts of different sizes, as in the relative rates of TrueSocialMetrics.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.insights.answers import FOLLOWERS_UNKNOWN, Rate, Rates
from pipeline.insights.facts import PostFacts
from pipeline.insights.statistics import mean


def rates(posts: Sequence[PostFacts], followers: int | None) -> Rates:
    """The three rates over these posts; per 1,000 followers where followers are known and not 0."""
    return Rates(
        conversation=_rate([post.comments for post in posts], followers),
        amplification=_rate([post.shares for post in posts], followers),
        applause=_rate([post.likes for post in posts], followers),
        note=None if followers else FOLLOWERS_UNKNOWN,
    )


def _rate(values: Sequence[int], followers: int | None) -> Rate:
    per_post = mean(values)
    relative = None if per_post is None or not followers else per_post * 1_000 / followers
    return Rate(per_post=per_post, per_1000_followers=relative)
