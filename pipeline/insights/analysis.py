"""From what was read to the answer. Pure; up to two seconds for the largest account, so not on an event loop."""

from __future__ import annotations

from pipeline.insights.answers import Considered, Insights, Method
from pipeline.insights.comparisons import by_hour, compare_labels, compare_question
from pipeline.insights.facts import AccountFacts
from pipeline.insights.rates import rates
from pipeline.insights.silence import ENGAGED_ERROR, silence
from pipeline.insights.starters import starters
from pipeline.insights.statistics import CONFIDENCE, RESAMPLES, SEED, SMALLEST_SAMPLE
from pipeline.insights.words import words


def analyse(facts: AccountFacts) -> Insights:
    """The insights of an account."""
    posts = facts.posts
    return Insights(
        platform=facts.platform,
        account=facts.account,
        considered=Considered(
            posts=len(posts),
            posts_known=facts.posts_known,
            labelled=sum(post.labels is not None for post in posts),
            comments=len(facts.comments),
            comments_days=facts.comments_days,
            comments_complete=facts.comments_complete,
        ),
        followers=facts.followers,
        followers_as_of_ms=facts.followers_as_of_ms,
        rates=rates(facts),
        question=compare_question(posts),
        labels=compare_labels(posts),
        hours=by_hour(posts),
        words=words(posts, facts.comments),
        starters=starters(posts, facts.comments),
        silence=silence(facts),
        method=Method(
            confidence=CONFIDENCE,
            resamples=RESAMPLES,
            seed=SEED,
            smallest_sample=SMALLEST_SAMPLE,
            engaged_error=ENGAGED_ERROR,
        ),
        as_of_ms=facts.as_of_ms,
    )
