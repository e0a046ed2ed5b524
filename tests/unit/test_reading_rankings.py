"""Rankings and hints: their order, and what they say of what is not known."""

from __future__ import annotations

import pytest

from pipeline.counting.page import PageView
from pipeline.counting.rows import Counts
from pipeline.errors import QueryError
from pipeline.reading.answers import Numbers, numbers_of
from pipeline.reading.directory import AccountRef
from pipeline.reading.hints import hint_account, hint_post, likely_owners
from pipeline.reading.rankings import check_limit, check_platform, check_sort, rank
from pipeline.windows import ALL


def numbers(post: str, counts: Counts, as_of_ms: int = 1) -> Numbers:
    """A post with these counts for all time."""
    return numbers_of(PageView("post", "facebook", post, "acme", {ALL: counts}, {}, 1, as_of_ms))


SMALL = numbers("small", (1, 2, 0, 0, 1), as_of_ms=3)
LARGE = numbers("large", (3000, 900, 100, 0, 1), as_of_ms=2)
MUTE = numbers("mute", (0, 0, 0, 0, 1), as_of_ms=1)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("recent", ["small", "large", "mute"]),
        ("conversation", ["large", "small", "mute"]),
        ("comments", ["large", "small", "mute"]),
        ("likes", ["large", "small", "mute"]),
        ("ratio", ["small", "large", "mute"]),
    ],
)
def test_each_sort_has_its_order(sort: str, order: list[str]) -> None:
    """2 of 3 does not outrank 900 of 4,000 in conversation; a ratio without likes stands last."""
    assert [item.id for item in rank([MUTE, SMALL, LARGE], check_sort(sort), 10)] == order


def test_a_tie_has_a_stable_order() -> None:
    """Equal posts stand by their id, whatever order they came in."""
    a, b = numbers("a", (1, 1, 0, 0, 0)), numbers("b", (1, 1, 0, 0, 0))
    assert rank([b, a], "likes", 2) == rank([a, b], "likes", 2) == [a, b]


def test_polled_ratio_needs_both_totals() -> None:
    """The platform's own ratio is there only where it was asked for likes and comments."""
    assert numbers("p", (1, 1, 0, 0, 0)).polled_comment_to_like is None


@pytest.mark.parametrize("limit", [0, 501])
def test_limit_out_of_range_is_refused(limit: int) -> None:
    """The message names the range."""
    with pytest.raises(QueryError, match="expected 1 to 500"):
        check_limit(limit)


@pytest.mark.parametrize("platform", ["Facebook", "a:b", "x}:{1", "", "a" * 33])
def test_a_platform_that_is_no_slug_never_reaches_a_key(platform: str) -> None:
    """A platform is not encoded in keys, so anything but a slug is refused before."""
    with pytest.raises(QueryError, match="expected a slug"):
        check_platform(platform)


KNOWN = [AccountRef("facebook", "acme"), AccountRef("facebook", "zenith"), AccountRef("x", "77")]


@pytest.mark.parametrize(
    ("platform", "account", "hint"),
    [
        ("facebook", "acm", "near it are 'acme'"),
        ("x", "acme", "it is known on facebook"),
        ("facebook", "???", "known there are 'acme', 'zenith'"),
        ("bluesky", "q", "platforms with counts: facebook, x"),
    ],
)
def test_an_unknown_account_is_answered_with_the_nearest(platform: str, account: str, hint: str) -> None:
    """What was looked for, and where to go on."""
    text = hint_account(platform, account, KNOWN)
    assert f"no account {account!r} on {platform}" in text
    assert text.endswith(hint)


@pytest.mark.parametrize(
    ("post", "posts", "hint"),
    [
        ("1_24", ["1_42", "1_23", "77"], "near it are '1_42', '1_23'"),
        ("???", ["4", "3", "2", "1"], "known there are '4', '3', '2'"),
        ("1_24", [], "platforms with counts: facebook, x"),
    ],
)
def test_an_unknown_post_is_answered_with_the_nearest(post: str, posts: list[str], hint: str) -> None:
    text = hint_post("facebook", post, KNOWN, posts)
    assert text == f"no post {post!r} on facebook: nothing of it was counted; {hint}"


def test_near_posts_are_looked_for_among_a_bounded_number_of_characters() -> None:
    """Addresses may be long, and their likeness takes time that other questions wait for."""
    posts = [f"https://x.example/{number:01000}" for number in range(1000)]
    text = hint_post("facebook", posts[900], KNOWN, posts)
    assert posts[900][-4:] not in text.partition("near it are")[2]
    assert hint_post("facebook", posts[900], KNOWN, posts[890:]).count("'https://x.example/0000") == 4


def test_posts_near_are_looked_for_among_a_bounded_number_of_accounts() -> None:
    """Those whose id stands in the post's come first."""
    many = [AccountRef("telegram", f"-{number}") for number in range(1000, 2000)]
    owners = likely_owners("telegram", "-1999/7", [*KNOWN, *many])
    assert (owners[0].id, len(owners)) == ("-1999", 100)


def test_before_the_first_event_the_hint_says_so() -> None:
    """Nobody searches for a typing error where nothing has arrived."""
    assert hint_post("x", "1", []) == "no post '1' on x: nothing of it was counted; nothing has arrived yet"
