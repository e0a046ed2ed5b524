"""The posts that started conversations. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipeline.counting.rows import conversation_rank
from pipeline.insights.answers import Starter
from pipeline.insights.facts import PostFacts, Said, comparable
from schemas.platforms import NUMBERS

STARTERS_MOST = 10


def starters(posts: Sequence[PostFacts], comments: Sequence[Said]) -> list[Starter]:
    """Posts with comments, by the Wilson bound of their conversation share, then by how many people talk there. Posts
    that cannot be compared stand behind the others."""
    talkers: defaultdict[str, set[str]] = defaultdict(set)
    for said in comments:
        if said.actor is not None:
            talkers[said.post].add(said.actor)
    found = [_starter(post, len(talkers[post.id])) for post in posts if post.comments]
    ranked = {post.id for post in comparable(posts)}
    return sorted(
        found,
        key=lambda one: (one.post not in ranked, -one.conversation_rank, -one.talkers, -one.comments, one.post),
    )[:STARTERS_MOST]


def _starter(post: PostFacts, talkers: int) -> Starter:
    labels = post.labels
    return Starter(
        post=post.id,
        published_ms=post.published_ms,
        question=None if labels is None else labels.question,
        media=None if labels is None else labels.media,
        hashtags=[] if labels is None else list(labels.hashtags),
        comments=post.comments,
        likes=post.likes,
        shares=post.shares,
        talkers=talkers,
        engaged=post.engaged,
        conversation_share=post.share or 0.0,
        conversation_rank=conversation_rank(post.likes, post.comments, post.shares),
        unknown=[number for number in NUMBERS if number in post.unknown],
    )
