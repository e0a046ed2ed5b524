"""Lines of bounded length out of files and streams: of a longer one the beginning is given, and its rest is skipped.

Owns the greatest length; that a cut line is refused is decided in `pipeline/feeding/lines.py`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

#: The largest interaction, every character written as an escape, has 900 kB.
LONGEST_LINE_BYTES = 1 << 20
#: With its break, `\r\n` at the most; what is as long and does not end so is longer.
KEPT_BYTES = LONGEST_LINE_BYTES + 2
#: What is skipped at once: a gzipped file is unpacked no further than that.
_SKIPPED_BYTES = 1 << 16


def is_too_long(line: bytes) -> bool:
    """Whether a line is longer than an interaction may be, or the beginning of such a one. Its break does not count."""
    most = LONGEST_LINE_BYTES
    return len(line) > most and len(line.removesuffix(b"\n").removesuffix(b"\r")) > most


def bounded_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, of a file without ever holding more than `KEPT_BYTES` of one."""
    if not isinstance(lines, io.BufferedIOBase):
        yield from lines
        return
    while line := lines.readline(KEPT_BYTES):
        yield line
        ends = line.endswith(b"\n")
        while not ends and (rest := lines.readline(_SKIPPED_BYTES)):
            ends = rest.endswith(b"\n")


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Likewise the lines of a stream that comes in chunks; each is given before the next chunk is asked for."""
    begun = bytearray()
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        if whole:
            yield bytes(begun + whole[0] + b"\n")[:KEPT_BYTES]
            for line in whole[1:]:
                yield line + b"\n"
            begun.clear()
        begun += rest[: KEPT_BYTES - len(begun)]
    if begun:
        yield bytes(begun)
