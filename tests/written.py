"""Pages written by hand, exactly as docs/redis.md describes them: for tests of whatever reads Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.counting.changes import ratio_text
from pipeline.counting.members import hash_id
from pipeline.counting.rows import Counts
from pipeline.settings import Settings
from pipeline.store.keys import Keys, encode_id
from pipeline.store.texts import day_of, encode_text, mark_of, member_of
from schemas.engagement import COLUMNS
from schemas.interaction import Interaction
from tests.redises import open_blocking

#: 2026-11-23T09:24:00Z
NOON_MS = 1_795_425_840_000
TTL_S = 3600


class Written:
    """Writes accounts and posts of one installation into Redis."""

    def __init__(self, settings: Settings) -> None:
        self.redis: Any = open_blocking(settings, decode=True)
        self.keys = Keys(settings.key_prefix)

    def account(
        self,
        counts: Counts,
        rows: Mapping[str, str] | None = None,
        *,
        platform: str = "facebook",
        account: str = "acme",
        polled: Mapping[str, tuple[int, int]] | None = None,
        first_ms: int = NOON_MS,
        last_ms: int = NOON_MS,
    ) -> None:
        """An account's page and its directory entry. `rows`: window fields as they stand in Redis."""
        slot = self.keys.slot(platform, account)
        page = _page(counts, rows, polled, first_ms, last_ms)
        self.redis.hset(self.keys.account(slot, platform, account), mapping=page)
        entry = {"slot": slot, "platform": platform, "account": account, "first_seen_ms": first_ms}
        self.redis.hset(self.keys.account_entry(platform, account), mapping=entry)
        self.redis.expire(self.keys.account_entry(platform, account), TTL_S)

    def post(
        self,
        post: str,
        counts: Counts,
        rows: Mapping[str, str] | None = None,
        *,
        platform: str = "facebook",
        account: str = "acme",
        first_ms: int = NOON_MS,
        last_ms: int = NOON_MS,
    ) -> None:
        """A post's page, its directory entry and its place among the account's posts."""
        slot = self.keys.slot(platform, account)
        page = _page(counts, rows, None, first_ms, last_ms) | {"account": account}
        self.redis.hset(self.keys.post(slot, platform, post), mapping=page)
        self.redis.expire(self.keys.post(slot, platform, post), TTL_S)
        self.redis.zadd(self.keys.posts(slot, platform, account), {encode_id(post): last_ms})
        self.redis.set(self.keys.post_entry(platform, post), account, ex=TTL_S)

    def waiting(
        self,
        comment: str,
        time_ms: int,
        *,
        platform: str = "facebook",
        account: str = "acme",
        post: str = "p1",
        text: str | None = "Where can I buy it?",
        actor: str | None = "ann",
        kept: bool = True,
    ) -> str:
        """A comment in the account's queue and, if it is `kept`, its text; gives the hash of its id."""
        slot, mark = self.keys.slot(platform, account), mark_of(hash_id(comment))
        member = member_of(mark_of(hash_id(comment)), encode_id(post))
        self.redis.zadd(self.keys.unanswered(slot, platform, account), {member: time_ms})
        if kept:
            said = Interaction(
                platform=platform, account=account, kind="comment", action="add", post=post, id=comment, actor=actor,
                time_ms=time_ms, text=text,
            )  # fmt: skip
            texts = self.keys.texts(slot, platform, account, day_of(time_ms))
            self.redis.hset(texts, mark, encode_text(said, time_ms).decode())
            self.redis.expire(texts, TTL_S)
        return mark

    def answered(self, comment: str, *, platform: str = "facebook", account: str = "acme", post: str = "p1") -> None:
        """The comment waits no more."""
        key = self.keys.unanswered(self.keys.slot(platform, account), platform, account)
        self.redis.zrem(key, member_of(mark_of(hash_id(comment)), encode_id(post)))


def _page(
    counts: Counts,
    rows: Mapping[str, str] | None,
    polled: Mapping[str, tuple[int, int]] | None,
    first_ms: int,
    last_ms: int,
) -> dict[str, str]:
    likes, comments, *_ = counts
    page = dict(zip(COLUMNS, map(str, counts), strict=True))
    page["comment_to_like"] = ratio_text(likes, comments)
    page |= {"first_ms": str(first_ms), "last_ms": str(last_ms)}
    page |= {f"polled:{name}": f"{value},{as_of_ms}" for name, (value, as_of_ms) in (polled or {}).items()}
    return page | dict(rows or {})
