"""Posts with a label against posts without it: which labels go with conversation. Pure.

Together and not because: a brand may ask its questions on days on which people talk anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import isinf

from pipeline.insights.answers import NO_OTHER_COMMENTS, TOO_FEW_POSTS, Comparison, Hour
from pipeline.insights.facts import Kind, PostFacts
from pipeline.insights.statistics import SMALLEST_SAMPLE, lift, mean

#: Comparisons besides the question: each takes up to a fourteenth of a second.
LABELS_MOST = 12
OPEN: Kind = ("question", "open")
STATEMENT: Kind = ("question", "statement")


def compare_question(posts: Sequence[PostFacts]) -> Comparison:
    """Posts that ask an open question against those that do not; unlabelled ones are in neither."""
    return _compare(OPEN, posts, _question)


def compare_labels(posts: Sequence[PostFacts]) -> list[Comparison]:
    """The LABELS_MOST most frequent values of media, hashtags, weekday and language, by their lift.

    Those that have too few posts stand at the end. A label that is the same on all posts is left out.
    """
    kinds = Counter(kind for post in posts for kind in _kinds(post))
    frequent = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
    compared = []
    for kind in frequent:
        one = _compare(kind, posts, partial(_has, kind))
        if one.other_posts:
            compared.append(one)
        if len(compared) == LABELS_MOST:
            break
    return sorted(compared, key=lambda one: (one.lift is None, -(one.lift or 0.0), -one.posts, one.label, one.value))


def by_hour(posts: Sequence[PostFacts]) -> list[Hour]:
    """Comments per post for each hour of publication."""
    comments: list[list[int]] = [[] for _ in range(24)]
    for post in posts:
        if post.hour is not None:
            comments[post.hour].append(post.comments)
    return [Hour(hour=hour, posts=len(values), comments_per_post=mean(values)) for hour, values in enumerate(comments)]


def group_kinds(posts: Sequence[PostFacts]) -> dict[Kind, list[PostFacts]]:
    """The posts of each kind whose audience is measured: open questions, statements, and each media."""
    groups: dict[Kind, list[PostFacts]] = {}
    for post in posts:
        asks = _question(post)
        if asks is not None:
            groups.setdefault(OPEN if asks else STATEMENT, []).append(post)
        for media in _media(post) or ():
            groups.setdefault(("media", media), []).append(post)
    return dict(sorted(groups.items()))


def _compare(kind: Kind, posts: Sequence[PostFacts], belongs: Callable[[PostFacts], bool | None]) -> Comparison:
    group = [post.comments for post in posts if belongs(post) is True]
    others = [post.comments for post in posts if belongs(post) is False]
    is_enough = min(len(group), len(others)) >= SMALLEST_SAMPLE
    found = lift(group, others) if is_enough else None
    reason = NO_OTHER_COMMENTS if is_enough else TOO_FEW_POSTS
    return Comparison(
        label=kind[0],
        value=kind[1],
        posts=len(group),
        comments_per_post=mean(group),
        other_posts=len(others),
        other_comments_per_post=mean(others),
        lift=None if found is None else found.value,
        low=None if found is None or isinf(found.low) else found.low,
        high=None if found is None or isinf(found.high) else found.high,
        note=reason if found is None else None,
    )


def _question(post: PostFacts) -> bool | None:
    return None if post.labels is None else post.labels.question


def _media(post: PostFacts) -> tuple[str, ...] | None:
    return None if post.labels is None or post.labels.media is None else (post.labels.media,)


def _hashtags(post: PostFacts) -> tuple[str, ...] | None:
    return None if post.labels is None else post.labels.hashtags


def _weekday(post: PostFacts) -> tuple[str, ...] | None:
    return None if post.weekday is None else (post.weekday,)


def _language(post: PostFacts) -> tuple[str, ...] | None:
    return None if post.labels is None or post.labels.lang is None else (post.labels.lang,)


#: Label -> its values on a post; None where the post does not carry the label, and so belongs to neither side.
_VALUES: dict[str, Callable[[PostFacts], tuple[str, ...] | None]] = {
    "media": _media,
    "hashtag": _hashtags,
    "weekday": _weekday,
    "language": _language,
}


def _kinds(post: PostFacts) -> list[Kind]:
    return [(label, value) for label, of in _VALUES.items() for value in of(post) or ()]


def _has(kind: Kind, post: PostFacts) -> bool | None:
    label, value = kind
    values = _VALUES[label](post)
    return None if values is None else value in values
