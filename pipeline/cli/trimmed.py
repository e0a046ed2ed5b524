"""Standard output without the blanks that a table's columns leave at the ends of lines: for files and pipes."""

from __future__ import annotations

import re
from typing import TextIO

_ENDS = re.compile(r" +(?=\n)")


class Trimmed:
    """Passes text on to `out`; blanks before a line's end, however it is cut into pieces, are left out."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._held = ""
        #: Rich chooses the characters of lines by it.
        self.encoding = out.encoding

    def write(self, text: str) -> int:
        """All of it, as far as it is known not to end a line."""
        whole = _ENDS.sub("", self._held + text)
        shown = whole.rstrip(" ")
        self._held = whole[len(shown) :]
        self._out.write(shown)
        return len(text)

    def flush(self) -> None:
        """What was passed on; blanks that are held back wait for what follows."""
        self._out.flush()
