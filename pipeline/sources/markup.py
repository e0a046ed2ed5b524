"""HTML of posts and comments -> plain text, and what it shows besides text.

What comes out is text, never HTML: whoever puts it on a page escapes it like any other text.
"""

from __future__ import annotations

import html
import re

import nh3

from schemas.interaction import Media

#: Longer HTML is cut: cleaning takes time by the square of how deep tags are nested (15 ms at this length).
LONGEST_HTML = 16_384
#: These begin a new line; all others vanish, their text stays.
LINES = frozenset({"p", "br", "div", "li", "blockquote", "pre", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})
#: These vanish with what stands in them.
UNSEEN = frozenset({"script", "style", "template"})
SHOWN: dict[str, Media] = {"img": "image", "video": "video", "iframe": "video", "audio": "audio"}

_TAGS = re.compile(r"<[^<>]*>")
_SHOWN = re.compile(rf"<({'|'.join(SHOWN)})\b", re.IGNORECASE)


def plain_text(markup: str | None) -> str | None:
    """The text that a reader would see, one line a paragraph; None where there is none."""
    if not markup:
        return None
    # What nh3 gives is well-formed: `<` and `>` stand only around the tags that were left.
    kept = nh3.clean(markup[:LONGEST_HTML], tags=set(LINES), attributes={}, clean_content_tags=set(UNSEEN))
    lines = (" ".join(line.split()) for line in html.unescape(_TAGS.sub("\n", kept)).split("\n"))
    return "\n".join(line for line in lines if line) or None


def shown_in(markup: str | None) -> Media | None:
    """What a piece of HTML shows besides text: several pictures are an album, a video tells more than a picture."""
    found = [SHOWN[name.lower()] for name in _SHOWN.findall((markup or "")[:LONGEST_HTML])]
    for media in ("video", "audio"):
        if media in found:
            return media
    return None if not found else "album" if len(found) > 1 else "image"
