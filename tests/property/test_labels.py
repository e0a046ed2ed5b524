"""Whatever stands in a post, its labels are whole, bounded, and the same again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.labels import decode_labels, encode_labels, label_post
from pipeline.labels.hashtags import HASHTAGS_MOST, LONGEST_HASHTAG
from pipeline.labels.questions import asks_openly
from schemas.interaction import LAST_TIME_MS, LONGEST_TEXT
from tests.factories import make_interaction
from tests.yardstick import takes_less

#: Pieces that the patterns look for, so that they meet in every order.
PIECES = st.sampled_from(
    [
        *(
            "what",
            "who's",
            "how about",
            "you",
            "your",
            "tell us",
            "if",
            "share",
            "because",
            "#",
            "@",
            "https://",
            "www.",
        ),
        *("?", "!", ".", "\n", ",", '"', "'", "“", "”", "‘", "’", "(", " ", " ", " ", "😀", "ß", "क", "؟", "\x00"),  # noqa: RUF001
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=120).map("".join))


@given(TEXTS, st.integers(0, LAST_TIME_MS), st.booleans())
def test_any_text_has_labels_within_their_limits(text: str, time_ms: int, questions: bool) -> None:
    """They come back from Redis as they were written, and a second look gives the same."""
    post = make_interaction(kind="post", text=text, time_ms=time_ms, questions=questions)
    labels = label_post(post)
    assert decode_labels(encode_labels(labels)) == labels == label_post(post)
    assert len(labels.hashtags) <= HASHTAGS_MOST
    assert all(0 < len(tag) <= 3 * LONGEST_HASHTAG and tag == tag.casefold() for tag in labels.hashtags)
    assert len(set(labels.hashtags)) == len(labels.hashtags)
    assert (labels.question is None) == (not questions or labels.words == 0)


@given(TEXTS)
def test_surrounding_space_and_emoji_change_no_answer(text: str) -> None:
    """Only words and marks decide."""
    assert asks_openly(f"  {text}  ", "en") == asks_openly(text, "en")


@given(TEXTS, st.sampled_from(["en", "de", None]))
def test_what_is_quoted_asks_nothing(text: str, lang: str | None) -> None:
    """The words are somebody else's."""
    inside = text.translate({ord(c): " " for c in "“”\"'‘’„«»「」"})  # noqa: RUF001
    assert not asks_openly(f"She said “{inside}”", lang)


@given(st.lists(PIECES, min_size=1, max_size=4).map("".join))
@settings(max_examples=150, deadline=None)
def test_no_text_takes_long(piece: str) -> None:
    """The longest text made of any repeated pieces."""
    post = make_interaction(kind="post", text=(piece * LONGEST_TEXT)[:LONGEST_TEXT])
    assert takes_less(lambda: label_post(post), 3)
