"""Hashtags of a text, as platforms read them: letters, marks and digits of any script behind a `#`. Pure."""

from __future__ import annotations

import re
from unicodedata import category, normalize

#: Instagram takes 30; more than that is no description.
HASHTAGS_MOST = 30
LONGEST_HASHTAG = 100

_LAST_OF_BMP = 0x10000
#: Signs that join onto letters: without them a tag in Hindi or Tamil would end at its first vowel. `\w` has none.
_MARKS = "".join(chr(c) for c in range(0x300, _LAST_OF_BMP) if category(chr(c)).startswith("M"))
#: Not behind a letter (`a#b`), nor in `&#39;`.
_tags = re.compile(rf"(?<![\w&/])[#＃]([\w{_MARKS}]{{1,{LONGEST_HASHTAG}}})(?![\w{_MARKS}])")  # noqa: RUF001


def find_hashtags(text: str) -> tuple[str, ...]:
    """The first HASHTAGS_MOST different hashtags in their order, case-folded, without `#`; numbers alone are none."""
    tags: dict[str, None] = {}
    for match in _tags.finditer(text):
        tag = normalize("NFC", match[1]).casefold()
        if not tag.isdigit() and tag.strip("_"):
            tags[tag] = None
            if len(tags) == HASHTAGS_MOST:
                break
    return tuple(tags)
