"""Rankings: the order of posts and accounts by each sort, and what a question may ask for. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import get_args

from pipeline.errors import QueryError
from pipeline.reading.answers import Numbers, Sort
from pipeline.reading.replying import reply_rank

SORTS: tuple[Sort, ...] = get_args(Sort)
#: Nobody reads more at a glance, and one answer stays below half a megabyte.
LIMIT_MAX = 500

_SLUG = re.compile(r"[a-z0-9-]{1,32}")
#: What each sort compares, highest first. A ratio that is null stands behind every other.
_ORDER: dict[Sort, Callable[[Numbers], float]] = {
    "recent": lambda n: n.as_of_ms,
    "conversation": lambda n: n.conversation_rank,
    "comments": lambda n: n.comments,
    "likes": lambda n: n.likes,
    "ratio": lambda n: -1.0 if n.comment_to_like is None else n.comment_to_like,
    "reply_rate": lambda n: -1.0 if n.reply_rate is None else reply_rank(n.answered + n.unanswered, n.answered),
    "unanswered": lambda n: n.unanswered,
}


def rank(items: Iterable[Numbers], sort: Sort, limit: int) -> list[Numbers]:
    """The first `limit` items by this sort; ties go to more comments, then to the id, so that the order is stable."""
    order = _ORDER[sort]
    return sorted(items, key=lambda n: (-order(n), -n.comments, n.platform, n.id))[:limit]


def check_sort(sort: str) -> Sort:
    """The sort itself; raises QueryError for a name that is none."""
    for known in SORTS:
        if known == sort:
            return known
    raise QueryError(f"sort is {sort!r}; expected one of {', '.join(SORTS)}")


def check_limit(limit: int, most: int = LIMIT_MAX) -> int:
    """The limit itself; raises QueryError outside 1 to `most`."""
    if not 1 <= limit <= most:
        raise QueryError(f"limit is {limit}; expected 1 to {most}")
    return limit


def check_platform(platform: str) -> str:
    """The platform itself; raises QueryError for what is no slug, which could name another key."""
    if not _SLUG.fullmatch(platform):
        raise QueryError(f"platform is {platform[:100]!r}; expected a slug such as 'facebook' (a-z, 0-9, -)")
    return platform
