"""Whatever the posts and comments of an account, its insights stay within their meaning."""

from __future__ import annotations

from math import isclose

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.insights import AccountFacts, PostFacts, Said, analyse
from pipeline.insights.facts import comparable
from pipeline.insights.statistics import lift
from pipeline.insights.words import split_words
from pipeline.labels import Labels
from schemas.platforms import NUMBERS
from tests.factories import NOON_MS

COUNTS = st.integers(0, 50)
GROUPS = st.lists(COUNTS, min_size=1, max_size=30)
LABELS = st.builds(
    Labels,
    question=st.sampled_from([True, False, None]),
    media=st.sampled_from(["image", "video", None]),
    hashtags=st.lists(st.sampled_from(["a", "b", "ß"]), unique=True, max_size=2).map(tuple),
    hour=st.just(0),
    weekday=st.just(0),
    lang=st.sampled_from(["en", None]),
    words=COUNTS,
)
POSTS = st.lists(
    st.builds(
        PostFacts,
        id=st.uuids().map(str),
        likes=COUNTS,
        comments=COUNTS,
        shares=COUNTS,
        labels=st.none() | LABELS,
        published_ms=st.none() | st.integers(0, NOON_MS),
        engaged=COUNTS,
        unknown=st.frozensets(st.sampled_from(NUMBERS), max_size=2),
    ),
    max_size=40,
    unique_by=lambda post: post.id,
)


@given(GROUPS, GROUPS)
@settings(max_examples=60, deadline=None)
def test_interval_is_in_order_and_the_same_again(group: list[int], others: list[int]) -> None:
    """Its value is the ratio of the means."""
    found = lift(group, others, resamples=200)
    if found is None:
        assert not any(others)
        return
    assert 0 <= found.low <= found.high
    assert isclose(found.value * sum(others) * len(group), sum(group) * len(others))
    assert lift(group, others, resamples=200) == found


@given(POSTS, st.lists(st.text(max_size=60), max_size=20), st.none() | st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_every_number_lies_within_its_range(posts: list[PostFacts], texts: list[str], followers: int | None) -> None:
    """Shares are between 0 and 1, groups add up to the posts that carry the label, hours to those with a time."""
    said = [Said(posts[number % len(posts)].id, f"u{number % 3}", text) for number, text in enumerate(texts) if posts]
    engaged = {("media", "image"): 9}
    found = analyse(
        AccountFacts("facebook", "a", 1, posts, len(posts), followers=followers, comments=said, engaged_kinds=engaged)
    )
    assert all(one.silent_share is None or 0 <= one.silent_share <= 1 for one in found.silence)
    asked = sum(post.labels is not None and post.labels.question is not None for post in posts)
    assert found.question.posts + found.question.other_posts == asked
    assert all((one.lift is None) == (one.note is not None) for one in (found.question, *found.labels))
    assert sum(hour.posts for hour in found.hours) == sum(post.published_ms is not None for post in posts)
    assert all(word.talkers <= word.comments <= len(said) for word in found.words.common)
    alike = {post.id for post in comparable(posts)}
    order = [(one.post in alike, one.conversation_rank) for one in found.starters]
    assert order == sorted(order, reverse=True)


@given(st.text(max_size=280), st.sampled_from(["en", "de", "ja", "xx"]))
@settings(deadline=None)
def test_words_are_small_bounded_and_say_something(text: str, lang: str) -> None:
    """Any text is taken apart; what is found holds a letter."""
    for word in split_words(text, lang):
        assert word == word.casefold()
        assert 0 < len(word) <= 40
        assert any(map(str.isalpha, word))
