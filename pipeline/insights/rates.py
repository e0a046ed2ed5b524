"""Conversation, amplification and applause: comments, shares and likes per post. Pure.

Avinash Kaushik, "Best Social Media Metrics: Conversation, Amplification, Applause, Economic Value" (2011). Per 1,000
followers they compare accounts of different sizes, as in the relative rates of TrueSocialMetrics.
"""

from __future__ import annotations

from pipeline.insights.answers import FOLLOWERS_UNKNOWN, Rate, Rates
from pipeline.insights.facts import AccountFacts
from pipeline.insights.statistics import mean
from schemas.platforms import NUMBERS, Number


def rates(facts: AccountFacts) -> Rates:
    """The three rates, each over the posts of which its number is known; per 1,000 followers where followers are known
    and not 0."""
    notes = [note for number in sorted(NUMBERS) if (note := _note(facts, number))]
    return Rates(
        conversation=_rate(facts, "comments"),
        amplification=_rate(facts, "shares"),
        applause=_rate(facts, "likes"),
        note="; ".join([*notes, *([] if facts.followers else [FOLLOWERS_UNKNOWN])]) or None,
    )


def _note(facts: AccountFacts, number: Number) -> str | None:
    """Of how many posts a number is known, where that is not of all."""
    if number in facts.unknown:
        return f"{number} unknown: the platform does not send them"
    known = sum(number not in post.unknown for post in facts.posts)
    posts = len(facts.posts)
    return None if known == posts else f"{number} known of {known:,} of {posts:,} posts: the average is of these"


def _rate(facts: AccountFacts, number: Number) -> Rate:
    values = [getattr(post, number) for post in facts.posts if number not in post.unknown]
    per_post = None if number in facts.unknown else mean(values)
    relative = None if per_post is None or not facts.followers else per_post * 1_000 / facts.followers
    return Rate(per_post=per_post, per_1000_followers=relative)
