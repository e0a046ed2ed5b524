"""The labels of a post: what its record alone tells."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.labels import Labels, decode_labels, encode_labels, label_post
from pipeline.labels.hashtags import HASHTAGS_MOST
from pipeline.labels.languages import guess_language
from pipeline.labels.post import HEAD_CHARACTERS, TAIL_CHARACTERS
from tests.factories import make_interaction


def _label(text: str | None = None, **changes: Any) -> Labels:
    return label_post(make_interaction(kind="post", own=True, text=text, **changes))


def test_post_has_all_labels() -> None:
    """2026-11-23T09:24Z is a Monday."""
    labels = _label("What do you think of the new look? #NewLook https://a.example/?q=1#top", media="image")
    assert labels == Labels(question=True, media="image", hashtags=("newlook",), hour=9, weekday=0, lang="en", words=9)
    assert decode_labels(encode_labels(labels)) == labels


def test_encoded_labels_are_json_that_redis_readers_know() -> None:
    """The names and values of docs/redis.md."""
    assert encode_labels(_label("Moin #a", media="video")) == (
        b'{"question":false,"media":"video","hashtags":["a"],"hour":9,"weekday":0,"lang":null,"words":2}'
    )


@pytest.mark.parametrize("text", [None, "", " \n", "https://a.example/?q"])
def test_post_without_text_is_neither_question_nor_statement(text: str | None) -> None:
    """Null is not false: it stays out of the comparison. A link is no text."""
    assert (_label(text).question, _label(text).words, _label(text).lang) == (None, 0, None)


def test_connection_switches_the_question_label_off() -> None:
    """The other labels stay."""
    labels = _label("What do you think?", questions=False)
    assert (labels.question, labels.lang, labels.words) == (None, "en", 4)


def test_question_mark_in_a_link_is_no_question() -> None:
    """In no language."""
    assert _label("Neu im Laden und schon da: https://a.example/?utm=x www.b.example/?y").question is False
    assert _label("New in our shop https://a.example/what?how=you").question is False


@pytest.mark.parametrize(
    ("platform", "media", "expected"),
    [("youtube", None, "video"), ("tiktok", None, "video"), ("tiktok", "album", "album"), ("facebook", None, None)],
)
def test_media_is_the_records_else_the_platforms(platform: str, media: str | None, expected: str | None) -> None:
    """A post of YouTube or TikTok is a video unless its record says otherwise."""
    assert _label("x", platform=platform, media=media).media == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#Straße #STRASSE #ÉTÉ", ("strasse", "été")),
        ("＃東京 #हिन्दी #עברית #_ #2024 #1st", ("東京", "हिन्दी", "עברית", "1st")),  # noqa: RUF001
        ("a#b &#39; c/#d ##e #f-g (#h) #i.", ("e", "f", "h", "i")),
        ("https://a.example/#frag", ()),
        (f"#{'x' * 101}", ()),
    ],
)
def test_hashtags_of_any_script_fold_their_case(text: str, expected: tuple[str, ...]) -> None:
    """Letters, marks and digits; numbers alone, links and entities are none; each once, in its order."""
    assert _label(text).hashtags == expected


def test_hashtags_are_limited() -> None:
    """A post that is a wall of tags keeps the first ones."""
    assert len(_label(" ".join(f"#t{n}x" for n in range(HASHTAGS_MOST + 9))).hashtags) == HASHTAGS_MOST


def test_long_text_is_read_at_both_ends() -> None:
    """A question at the very end counts; what lies in the middle is passed over."""
    middle = "We sell bread. " * HEAD_CHARACTERS
    assert _label(f"{middle} What do you think?").question is True
    assert _label(f"{middle} What do you think? {middle}").question is False
    assert _label("a " * 30_000).words <= (HEAD_CHARACTERS + TAIL_CHARACTERS) // 2 + 1


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "Meet the team behind the new store in Berlin"),
        ("en", "What’s up?"),  # noqa: RUF001
        ("de", "Unsere neuen Räder sind da"),
        ("fr", "Nos nouveaux vélos sont là"),
        ("es", "Nuestras nuevas bicicletas ya están aquí"),
        ("it", "Le nostre nuove biciclette sono qui"),
        ("pt", "O que você acha?"),
        ("nl", "Wat is jouw favoriete smaak?"),
        ("pl", "Nasze nowe rowery już są"),
        ("id", "Sepeda baru kami sudah ada di sini"),
        ("ru", "Наши новые велосипеды уже здесь"),
        ("ja", "新しい自転車が届きました"),
        ("zh", "新自行车到了"),
        ("ko", "새 자전거가 왔어요"),
        ("th", "จักรยานใหม่มาแล้ว"),
        (None, "Monday mood"),
        (None, "🔥🔥🔥 2026"),
        (None, ""),
    ],
)
def test_language_is_guessed_from_stop_words_and_scripts(lang: str | None, text: str) -> None:
    """None where the words do not tell."""
    assert guess_language(text) == lang
