"""Whether files have changed since they were read, by what the system knows of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

#: What tells one state of the files from another: (path, modified ns, size, inode) of each.
Stamp = tuple[tuple[str, int, int, int], ...]


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """The state of these files now."""
    stamps = []
    for path in paths:
        try:
            found = path.stat()
        except OSError:  # gone, or not there yet: a state like any other
            stamps.append((str(path), 0, 0, 0))
        else:
            stamps.append((str(path), found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(stamps)
