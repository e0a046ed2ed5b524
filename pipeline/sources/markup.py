"""HTML of posts and comments -> plain text, and what it shows besides text.

What comes out is text, never HTML: whoever puts it on a page escapes it like any other text.
"""

from __future__ import annotations

import re

import nh3

from schemas.interaction import Media

#: Longer HTML is cut.
LONGEST_HTML = 16_384
#: So is what has more tags: cleaning takes time by the square of how deep they are nested (10 ms at so many). What
#: people write has half as many at that length, links and mentions included.
MOST_TAGS = 1_500
#: These begin a new line; all others vanish, their text stays.
LINES = frozenset({"p", "br", "div", "li", "blockquote", "pre", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})
#: These vanish with what stands in them.
UNSEEN = frozenset({"script", "style", "template"})
#: All that nh3 writes so. Ampersands come last: `&amp;lt;` is the text `&lt;`.
WRITTEN = {"&nbsp;": "\xa0", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
SHOWN: dict[str, Media] = {"img": "image", "video": "video", "iframe": "video", "audio": "audio"}

_TAGS = re.compile(r"<[^<>]*>")
#: What a parser of HTML keeps in mind. Formatting that was not closed begins anew in every paragraph after it,
#: attributes and all: 16 KB become millions of elements. And every `html` adds to the attributes of the first.
_REMEMBERED = re.compile(
    r"<(/?)(?:a|b|big|code|em|font|html|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE | re.ASCII
)
#: An element that no parser knows: its text stays, nothing of it is kept in mind, and what closes it is found as well.
_UNKNOWN = r"<\1x"
_SHOWN = re.compile(rf"<({'|'.join(SHOWN)})\b", re.IGNORECASE)


def plain_text(markup: str | None) -> str | None:
    """The text that a reader would see, one line a paragraph; None where there is none."""
    if not markup:
        return None
    # What nh3 gives is well-formed: `<` and `>` stand only around the tags that were left.
    kept = nh3.clean(_bounded(markup), tags=set(LINES), attributes={}, clean_content_tags=set(UNSEEN))
    lines = (" ".join(line.split()) for line in _letters(_TAGS.sub("\n", kept)).split("\n"))
    return "\n".join(line for line in lines if line) or None


def shown_in(markup: str | None) -> Media | None:
    """What a piece of HTML shows besides text: several pictures are an album, a video tells more than a picture."""
    found = [SHOWN[name.lower()] for name in _SHOWN.findall((markup or "")[:LONGEST_HTML])]
    for media in ("video", "audio"):
        if media in found:
            return media
    return None if not found else "album" if len(found) > 1 else "image"


def _bounded(markup: str) -> str:
    """The same text in what takes no time to be parsed."""
    cut = "<".join(markup[:LONGEST_HTML].split("<", MOST_TAGS + 1)[: MOST_TAGS + 1])
    return _REMEMBERED.sub(_UNKNOWN, cut)


def _letters(text: str) -> str:
    """The text with the letters that stood for markup; html.unescape takes 10 ms for as many as fit."""
    for written, letter in WRITTEN.items():
        text = text.replace(written, letter)
    return text
