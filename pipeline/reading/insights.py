"""What the insights of an account are made of, read from Redis in bounded steps."""

from __future__ import annotations

from pipeline.counting.page import PageView
from pipeline.insights.comparisons import group_kinds
from pipeline.insights.facts import AccountFacts, PostFacts
from pipeline.reading.lookups import SUMMARY, Lookups, PageRef
from pipeline.reading.origins import Origin, origins_of
from pipeline.reading.voices import COMMENTS_DAYS, Voices
from schemas.platforms import NUMBERS, Number

#: Posts that are looked at: the most recently active ones.
POSTS_MOST = 500
_LABELLED = (*SUMMARY, "labels", "published_ms", "labelled_ms")


async def read_facts(lookups: Lookups, voices: Voices, account: PageView, posts: int, now_ms: int) -> AccountFacts:
    """All that is known of the account up to now, over its `posts` most recently active posts."""
    place = (account.platform, account.id)
    refs, known = await lookups.newest_posts([PageRef("account", *place, account.id)], posts)
    pages = [page for page in await lookups.pages(refs, _LABELLED) if page is not None]
    engaged = await voices.engaged_each(*place, [page.id for page in pages])
    origins = [origins_of(page) for page in pages]
    facts = [_post_facts(*post) for post in zip(pages, origins, engaged, strict=True)]
    kinds = group_kinds(facts)
    comments, complete = await voices.comments(*place, now_ms)
    followers = account.polled.get("followers")
    return AccountFacts(
        platform=account.platform,
        account=account.id,
        as_of_ms=account.as_of_ms,
        posts=facts,
        posts_known=known,
        unknown=frozenset(NUMBERS).intersection(*(post.unknown for post in facts)) if facts else frozenset(),
        followers=None if followers is None else followers.value,
        followers_as_of_ms=None if followers is None else followers.as_of_ms,
        comments=comments,
        comments_days=COMMENTS_DAYS,
        comments_complete=complete,
        engaged=await voices.engaged(*place, now_ms),
        engaged_kinds={
            kind: await voices.engaged_with(*place, [post.id for post in group]) for kind, group in kinds.items()
        },
        hides_likers=_hides_likers(origins_of(account)["likes"]),
    )


def _post_facts(page: PageView, origins: dict[Number, Origin], engaged: int) -> PostFacts:
    labelled = page.labelled
    return PostFacts(
        id=page.id,
        likes=origins["likes"].value,
        comments=origins["comments"].value,
        shares=origins["shares"].value,
        labels=None if labelled is None else labelled.labels,
        published_ms=None if labelled is None else labelled.published_ms,
        engaged=engaged,
        unknown=frozenset(number for number, origin in origins.items() if origin.source is None),
    )


def _hides_likers(likes: Origin) -> bool:
    """Whether there are likes, or may be, of which nobody knows who gave them."""
    return likes.source is None or (likes.source == "totals" and likes.value > likes.counted)
