"""Insights from facts: each number by its definition in docs/insights.md, on posts small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pipeline.insights import AccountFacts, Insights, PostFacts, Said, analyse
from pipeline.insights.comparisons import LABELS_MOST, compare_labels, compare_question, group_kinds
from pipeline.insights.words import split_words, words
from pipeline.labels import Labels
from schemas.interaction import Media
from schemas.platforms import Number
from tests.factories import NOON_MS

DAY_MS = 86_400_000


def _post(
    name: str,
    comments: int = 0,
    likes: int = 0,
    shares: int = 0,
    *,
    question: bool | None = False,
    media: Media | None = "image",
    hashtags: tuple[str, ...] = (),
    published_ms: int | None = NOON_MS,
    engaged: int = 0,
) -> PostFacts:
    labels = Labels(question, media, hashtags, hour=0, weekday=0, lang="en", words=3)
    return PostFacts(name, likes, comments, shares, labels, published_ms, engaged)


def _facts(posts: list[PostFacts], comments: Sequence[Said] = (), **changes: Any) -> AccountFacts:
    facts = AccountFacts("facebook", "acme", NOON_MS, posts, len(posts), comments=comments)
    return replace(facts, **changes)


def test_rates_are_per_post_and_per_thousand_followers() -> None:
    """Kaushik: comments, shares and likes a post; 3 comments a post among 2,000 followers are 1.5 per 1,000."""
    found = analyse(_facts([_post("1", 4, 10, 1), _post("2", 2, 30, 0)], followers=2_000)).rates
    assert (found.conversation.per_post, found.conversation.per_1000_followers) == (3.0, 1.5)
    assert (found.amplification.per_post, found.applause.per_post) == (0.5, 20.0)
    assert found.note is None


def test_a_number_that_the_platform_does_not_tell_has_no_rate() -> None:
    """Null, not 0: nobody knows how often a post was liked."""
    found = analyse(_facts([_post("1", 4)], followers=2_000, unknown=frozenset({"likes"}))).rates
    assert (found.applause.per_post, found.applause.per_1000_followers, found.amplification.per_post) == (
        None,
        None,
        0.0,
    )
    assert found.note == "likes unknown: the platform does not send them"


def test_posts_that_nobody_polled_are_no_zeros_of_the_rates() -> None:
    """One of ten posts was polled: the average is of that one, and the note says so."""
    never = frozenset({"likes", "shares"})
    posts = [_post("polled", 10, 500, 7), *(replace(_post(str(n), 10), unknown=never) for n in range(9))]
    found = analyse(_facts(posts, followers=1_000)).rates
    rates = (found.conversation.per_post, found.amplification.per_post, found.applause.per_post)
    assert rates == (10.0, 7.0, 500.0)
    assert found.note == (
        "likes known of 1 of 10 posts: the average is of these; shares known of 1 of 10 posts: the average is of these"
    )


def test_posts_that_nobody_polled_are_not_talked_about_for_that() -> None:
    """Of eight posts the likes are known, of one with many comments they are not: it takes part in no comparison."""
    posts = [_post(str(n), 10, 90 if n < 4 else 10) for n in range(8)]
    posts.append(replace(_post("new", 10), unknown=frozenset({"likes"})))
    comments = [Said(str(n), f"u{n}", "green apples" if n < 4 else "red pears") for n in range(8) for _ in range(2)]
    comments += [Said("new", f"v{n}", "green apples") for n in range(20)]
    found = words(posts, comments)
    assert found.talked_share == 0.5
    assert sorted(word.word for word in found.conversation) == ["pears", "red"]
    shares = {word.word: (word.comments, word.talked_share) for word in found.common}
    assert shares["green"] == (28, 0.0)
    assert shares["pears"] == (8, 1.0)


def test_a_number_that_no_post_has_takes_no_post_out_of_the_comparison() -> None:
    """Shares that the platform never sends."""
    posts = [replace(_post(str(n), 10, 90 if n < 4 else 10), unknown=frozenset({"shares"})) for n in range(8)]
    assert words(posts, [Said(str(n), f"u{n}", "apples") for n in range(8)]).talked_share == 0.5


@pytest.mark.parametrize("followers", [None, 0])
def test_without_followers_rates_and_silence_say_why(followers: int | None) -> None:
    """Null and a reason; what needs no followers is there."""
    found = analyse(_facts([_post("1", 4)], followers=followers, engaged={"all": 3}))
    assert (found.rates.conversation.per_post, found.rates.conversation.per_1000_followers) == (4.0, None)
    assert found.rates.note == "followers unknown: they were never polled"
    assert (found.silence[0].engaged, found.silence[0].silent_share, found.silence[0].note) == (
        3,
        None,
        found.rates.note,
    )


def test_silent_share_is_what_the_engaged_leave_of_the_followers() -> None:
    """20 of 1,000 did something: 98 % silent, 50 followers for each; the error of the estimate is 0.81 % of 20."""
    found = analyse(_facts([], followers=1_000, engaged={"all": 20, "1d": 0}, engaged_kinds={("media", "image"): 5}))
    everyone, today, image = found.silence
    assert (everyone.silent_share, everyone.followers_per_engaged) == (0.98, 50.0)
    assert everyone.silent_error == pytest.approx(0.000162)
    assert (today.silent_share, today.followers_per_engaged) == (1.0, None)
    assert today.note == "nobody, or the platform hides who it was"
    assert (image.of, image.value, image.silent_share) == ("media", "image", 0.995)


def test_silent_share_is_the_most_where_likers_are_unknown() -> None:
    """The note says it in words for whoever shows notes only."""
    (found,) = analyse(_facts([], followers=1_000, engaged={"all": 1}, hides_likers=True)).silence
    assert (found.silent_share, found.at_most, found.note) == (0.999, True, "likers unknown: at most 99.9 %")


def test_more_engaged_than_followers_leave_nobody_silent() -> None:
    """People who do not follow may like and comment, too: never below 0."""
    assert analyse(_facts([], followers=10, engaged={"all": 25})).silence[0].silent_share == 0.0


def test_open_questions_are_compared_with_statements() -> None:
    """12 comments a post against 4; posts without the label are in neither group."""
    asking = [_post(f"q{n}", 12, question=True) for n in range(10)]
    stating = [_post(f"s{n}", 4) for n in range(11)]
    found = compare_question([*asking, *stating, _post("u", 999, question=None), PostFacts("n", 0, 999, 0)])
    assert (found.posts, found.comments_per_post, found.other_posts, found.other_comments_per_post) == (10, 12, 11, 4)
    assert (found.lift, found.low, found.high, found.note) == (3.0, 3.0, 3.0, None)


@pytest.mark.parametrize(("asking", "stating"), [(9, 30), (30, 9), (0, 0)])
def test_small_samples_are_too_few_posts(asking: int, stating: int) -> None:
    """The means are shown, no lift is drawn from them."""
    posts = [_post(f"q{n}", 12, question=True) for n in range(asking)] + [_post(f"s{n}", 4) for n in range(stating)]
    found = compare_question(posts)
    assert (found.posts, found.other_posts) == (asking, stating)
    assert (found.lift, found.low, found.high, found.note) == (None, None, None, "too few posts")


def test_statements_without_a_comment_give_no_lift() -> None:
    """Nothing to divide by, and said so."""
    posts = [_post(f"q{n}", 12, question=True) for n in range(10)] + [_post(f"s{n}") for n in range(10)]
    assert compare_question(posts).note == "no comments on the other posts"


def test_labels_are_compared_with_the_posts_that_lack_them() -> None:
    """By lift; those of too few posts last; a value that all posts have is no comparison."""
    posts = [_post(f"a{n}", 9, media="video", hashtags=("run",)) for n in range(10)]
    posts += [_post(f"b{n}", 3, published_ms=NOON_MS + DAY_MS) for n in range(10)]
    posts += [_post("c", 50, media="poll"), _post("d", media=None)]
    found = compare_labels(posts)
    assert [(one.label, one.value, one.note) for one in found] == [
        ("weekday", "Monday", None),
        ("hashtag", "run", None),
        ("media", "video", None),
        ("weekday", "Tuesday", None),
        ("media", "image", None),
        ("media", "poll", "too few posts"),
    ]
    video = found[2]
    assert (video.posts, video.other_posts, video.comments_per_post) == (10, 11, 9.0)


def test_labels_are_bounded() -> None:
    """A brand that never uses a hashtag twice gets a table that can be read."""
    posts = [_post(f"p{n}", 1, hashtags=(f"t{n}",)) for n in range(60)]
    assert len(compare_labels(posts)) == LABELS_MOST


def test_hours_are_those_of_the_publication() -> None:
    """09:24 UTC; an hour without posts has no mean."""
    found = analyse(_facts([_post("1", 4), _post("2", 2), _post("3", 9, published_ms=None)])).hours
    assert [hour.hour for hour in found] == list(range(24))
    assert (found[9].posts, found[9].comments_per_post, found[8].comments_per_post) == (2, 3.0, None)


def test_kinds_whose_audience_is_measured() -> None:
    """Open questions, statements, each media; unlabelled posts are in none."""
    posts = [_post("1", question=True), _post("2", media="video"), _post("3", question=None, media=None)]
    found = {
        kind: [post.id for post in group] for kind, group in group_kinds([*posts, PostFacts("4", 0, 0, 0)]).items()
    }
    assert found == {
        ("media", "image"): ["1"],
        ("media", "video"): ["2"],
        ("question", "open"): ["1"],
        ("question", "statement"): ["2"],
    }


def test_starters_go_by_the_lower_bound_and_then_by_talkers() -> None:
    """2 of 3 does not outrank 900 of 4,000; equal posts go by the number of people who talk there."""
    posts = [_post("small", 2, 1), _post("large", 900, 3_100), _post("b", 5, 5), _post("a", 5, 5), _post("none", 0, 9)]
    said = [
        Said("b", "u1", "x"),
        Said("b", "u2", "x"),
        Said("a", "u1", "x"),
        Said("a", "u1", "y"),
        Said("a", None, "z"),
    ]
    found = analyse(_facts(posts, said)).starters
    assert [(one.post, one.talkers) for one in found] == [("b", 2), ("a", 1), ("large", 0), ("small", 0)]


def test_starters_whose_likes_nobody_knows_stand_behind_those_that_can_be_compared() -> None:
    """A hundred comments, likes never polled: all talk, as far as anybody knows. Where that is so of all, they rank."""
    nobody_knows = frozenset[Number]({"likes"})
    unpolled = [PostFacts(name, 0, number, 0, unknown=nobody_knows) for name, number in (("x", 100), ("y", 90))]
    found = analyse(_facts([*unpolled, _post("known", 2, 98)])).starters
    assert [one.post for one in found] == ["known", "x", "y"]
    assert [one.post for one in analyse(_facts(unpolled)).starters] == ["x", "y"]


def test_words_leave_out_what_says_nothing() -> None:
    """Stop words, signs, numbers, links, names of people, emoji; a word counts once a comment."""
    text = "I LOVE the Lemon’s taste!!! lemon 2026 😀 @anna https://a.example/b #Icecream www.b.example/x :-) x"  # noqa: RUF001
    assert split_words(text, "en") == {"love", "lemon", "taste", "#icecream"}
    assert split_words("Ich finde die Zitrone toll", "de") == {"finde", "zitrone", "toll"}


def test_common_words_go_by_people() -> None:
    """One who says it ten times does not make a word common."""
    said = [Said("1", "u1", "spam spam")] * 10 + [Said("1", "u2", "lemon"), Said("1", "u3", "lemon")]
    found = words([_post("1", 12)], [*said, Said("elsewhere", "u9", "unseen")])
    assert [(word.word, word.comments, word.talkers) for word in found.common] == [("lemon", 2, 2), ("spam", 10, 1)]
    assert (found.conversation, found.note) == ([], "too few posts")


def test_words_go_with_conversation_where_posts_are_talked_about() -> None:
    """`lemon` is said on the posts with the highest conversation shares only, `parking` everywhere."""
    posts = [_post(f"t{n}", 30, 10) for n in range(4)] + [_post(f"q{n}", 10, 90) for n in range(4)]
    said = [Said(post.id, f"u{n}", "parking") for post in posts for n in range(5)]
    said += [Said(f"t{n}", f"v{m}", "lemon") for n in range(4) for m in range(5)]
    found = words(posts, said)
    assert [word.word for word in found.conversation] == ["lemon"]
    (lemon,) = found.conversation
    assert (lemon.comments, lemon.posts, lemon.talked_share) == (20, 4, 1.0)
    assert found.talked_share == pytest.approx(40 / 60)
    assert lemon.talked_low > found.talked_share


def test_answer_says_what_was_considered_and_how() -> None:
    """It goes through JSON as it is."""
    found = analyse(_facts([_post("1", 4), PostFacts("2", 1, 1, 1)], [Said("1", "u", "hello")], posts_known=700))
    assert (found.considered.posts, found.considered.posts_known, found.considered.labelled) == (2, 700, 1)
    assert (found.method.resamples, found.method.smallest_sample, found.method.engaged_error) == (2_000, 10, 0.0081)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Insights) == found


def test_account_without_posts_has_an_answer() -> None:
    """Nothing is known, and nothing is made up."""
    found = analyse(_facts([]))
    assert (found.rates.conversation.per_post, found.labels, found.starters, found.question.note) == (
        None,
        [],
        [],
        "too few posts",
    )
