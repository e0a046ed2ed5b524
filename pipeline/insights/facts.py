"""What insights are made of, as it was read: an account, its newest posts, who was engaged, and what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.counting.rows import conversation_share
from pipeline.labels import Labels
from schemas.platforms import NUMBERS, Number

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
#: 1970-01-01 was a Thursday; Monday is 0.
_EPOCH_WEEKDAY = 3
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: A label and its value, such as `media` and `image`: the posts that have it are a kind.
Kind = tuple[str, str]


@dataclass(frozen=True)
class PostFacts:
    """A post: its counts for all time, and its labels where its publication was seen.

    `engaged`: distinct actors, from the post's HyperLogLog; `unknown`: numbers that nobody told of it, here 0.
    """

    id: str
    likes: int
    comments: int
    shares: int
    labels: Labels | None = None
    published_ms: int | None = None
    engaged: int = 0
    unknown: frozenset[Number] = frozenset()

    @property
    def share(self) -> float | None:
        return conversation_share(self.likes, self.comments, self.shares)

    @property
    def hour(self) -> int | None:
        """Of the publication, UTC."""
        return None if self.published_ms is None else self.published_ms // _HOUR_MS % 24

    @property
    def weekday(self) -> str | None:
        """Of the publication, UTC."""
        days = None if self.published_ms is None else self.published_ms // _DAY_MS
        return None if days is None else WEEKDAYS[(days + _EPOCH_WEEKDAY) % 7]


def comparable(posts: Sequence[PostFacts]) -> list[PostFacts]:
    """The posts of which all is known that is known of any: one whose likes nobody polled would seem to be nothing but
    talk beside those whose likes are known."""
    unknown = frozenset(NUMBERS).intersection(*(post.unknown for post in posts))
    return [post for post in posts if post.unknown == unknown]


@dataclass(frozen=True)
class Said:
    """A comment of the audience. `actor`: its author's pseudonym, None where the platform hides it."""

    post: str
    actor: str | None
    text: str


@dataclass(frozen=True)
class AccountFacts:
    """All that is known of an account for its insights.

    `posts_known`: how many posts it has, of which `posts` are the newest; `unknown`: numbers that the platform does not
    tell of any of them, which stand there as 0; `comments`: of the last `comments_days`
    days, `comments_complete` unless there were more. `engaged`: distinct actors of the account by window name;
    `engaged_kinds`: of all the posts of a kind together; `hides_likers`: those who only liked are not among them.
    """

    platform: str
    account: str
    as_of_ms: int
    posts: Sequence[PostFacts]
    posts_known: int
    unknown: frozenset[Number] = frozenset()
    followers: int | None = None
    followers_as_of_ms: int | None = None
    comments: Sequence[Said] = ()
    comments_days: int = 30
    comments_complete: bool = True
    engaged: Mapping[str, int] = field(default_factory=dict)
    engaged_kinds: Mapping[Kind, int] = field(default_factory=dict)
    hides_likers: bool = False
