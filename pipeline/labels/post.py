"""The labels of a post: what can be told of it from its own record. Pure, and cheap enough for the worker's hot path.

Whether a text asks an open question is decided in `questions.py`, its language in `languages.py`.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.labels.hashtags import find_hashtags
from pipeline.labels.languages import guess_language
from pipeline.labels.questions import asks_openly
from schemas.interaction import Interaction, Media

#: Characters of a text that are read: its beginning, and its end, where posts like to ask. Few posts are longer.
HEAD_CHARACTERS = 3_072
TAIL_CHARACTERS = 1_024

#: Platforms on which a post is a video unless its record says otherwise.
_VIDEO_PLATFORMS = frozenset({"youtube", "tiktok"})
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
#: 1970-01-01 was a Thursday; Monday is 0.
_EPOCH_WEEKDAY = 3
#: Links are no words, and what stands in them (`?`, `#`) is no text. Each alternative needs its own first character,
#: so the search stays linear.
_links = re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)


class Labels(msgspec.Struct, frozen=True, gc=False):
    """What a post is. `hour` and `weekday` (Monday is 0) are those of its publication, UTC.

    `question`: whether the text asks an open question; None where the connection has switched that off, or where
    there is no text (or nothing but links). `lang`: ISO 639-1, None where the text does not tell.
    `words`: of the text, links left out.
    """

    question: bool | None
    media: Media | None
    hashtags: tuple[str, ...]
    hour: Annotated[int, Meta(ge=0, le=23)]
    weekday: Annotated[int, Meta(ge=0, le=6)]
    lang: str | None
    words: Annotated[int, Meta(ge=0)]


#: Labels -> JSON, and back. The decoder raises msgspec.DecodeError; unknown fields are passed over.
encode_labels = msgspec.json.Encoder().encode
decode_labels = msgspec.json.Decoder(Labels).decode


def label_post(interaction: Interaction) -> Labels:
    """The labels of the post that this record publishes."""
    text = _readable(interaction.text or "")
    lang = guess_language(text)
    has_text = bool(text) and not text.isspace()
    return Labels(
        question=asks_openly(text, lang) if interaction.questions and has_text else None,
        media=interaction.media or ("video" if interaction.platform in _VIDEO_PLATFORMS else None),
        hashtags=find_hashtags(text) if "#" in text or "＃" in text else (),  # noqa: RUF001 - the wide form
        hour=interaction.time_ms % _DAY_MS // _HOUR_MS,
        weekday=(interaction.time_ms // _DAY_MS + _EPOCH_WEEKDAY) % 7,
        lang=lang,
        words=len(text.split()),
    )


def _readable(text: str) -> str:
    if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        text = f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"
    return _links.sub(" ", text) if "://" in text or "ww." in text.lower() else text
