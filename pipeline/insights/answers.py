"""What `twoway insights` and its address answer: frozen and typed. What each number means is docs/insights.md.

A number that cannot be given is null, and the `note` beside it says why.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.interaction import Account, Count, Id, Media, Platform, TimeMs
from schemas.platforms import Number

Ratio = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]

TOO_FEW_POSTS = "too few posts"
NO_OTHER_COMMENTS = "no comments on the other posts"
FOLLOWERS_UNKNOWN = "followers unknown: they were never polled"
ACTORS_UNKNOWN = "nobody, or the platform hides who it was"
LIKERS_UNKNOWN = "likers unknown: at most"


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at: the newest posts, how many of them carry labels, and the comments whose texts are kept."""

    posts: Count
    posts_known: Count
    labelled: Count
    comments: Count
    comments_days: Count
    comments_complete: bool


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A number per post, and the same per 1,000 followers. Null without posts; the second without followers."""

    per_post: Ratio | None
    per_1000_followers: Ratio | None


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Kaushik's rates: comments per post, shares per post, likes per post; null where the platform does not tell."""

    conversation: Rate
    amplification: Rate
    applause: Rate
    note: str | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Posts with a label's value against the other posts that carry this label.

    `lift` = comments_per_post / other_comments_per_post; between `low` and `high` lies its 95 % interval (`high` null:
    without an upper end). All three are null where `note` says why.
    """

    label: str
    value: str
    posts: Count
    comments_per_post: Ratio | None
    other_posts: Count
    other_comments_per_post: Ratio | None
    lift: Ratio | None = None
    low: Ratio | None = None
    high: Ratio | None = None
    note: str | None = None


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """The posts that were published in an hour of the day, UTC."""

    hour: Annotated[int, Meta(ge=0, le=23)]
    posts: Count
    comments_per_post: Ratio | None


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word and the comments that hold it, each counted once; on how many posts, from how many people.

    `talked_share`: how many of these comments are on posts that are talked about; `talked_low`: the lower end of its
    95 % Wilson interval.
    """

    word: str
    comments: Count
    posts: Count
    talkers: Count
    talked_share: Share
    talked_low: Share


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Words of the comments. `common`: said by the most people; `conversation`: those that go with conversation.

    `talked_share`: how many of all comments are on posts that are talked about (conversation share above the median);
    a word goes with conversation if its `talked_low` is above that.
    """

    common: list[Word]
    conversation: list[Word]
    talked_share: Share | None
    note: str | None


class Starter(msgspec.Struct, frozen=True, kw_only=True):
    """A post that started a conversation. `talkers`: distinct authors of those of its comments whose texts are kept.

    `engaged`: distinct actors of all kinds, estimated. `conversation_rank`: lower 95 % Wilson bound of the share of
    comments. `unknown`: numbers that the platform does not send and nobody polled; they are 0, and the share is of the
    others.
    """

    post: Id
    published_ms: TimeMs | None
    question: bool | None
    media: Media | None
    hashtags: list[str]
    comments: Count
    likes: Count
    shares: Count
    talkers: Count
    engaged: Count
    conversation_share: Share
    conversation_rank: Share
    unknown: list[Number]


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Those who did something, against the followers. `of`: `account` with a window, or a label with its value.

    `silent_share` = 1 - engaged / followers, not below 0; `silent_error`: its standard error. `at_most`: who liked is
    unknown, because the platform tells likes as totals only or not at all, so fewer than this share are silent.
    """

    of: str
    value: str
    engaged: Count
    silent_share: Share | None
    silent_error: Ratio | None
    followers_per_engaged: Ratio | None
    at_most: bool
    note: str | None


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """How the numbers were made, so that they can be made again."""

    confidence: float
    resamples: Count
    seed: Count
    smallest_sample: Count
    engaged_error: float


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """What makes an account's audience talk, and how much of it stays silent."""

    platform: Platform
    account: Account
    considered: Considered
    followers: Count | None
    followers_as_of_ms: TimeMs | None
    rates: Rates
    question: Comparison
    labels: list[Comparison]
    hours: list[Hour]
    words: Words
    starters: list[Starter]
    silence: list[Silence]
    method: Method
    as_of_ms: TimeMs
