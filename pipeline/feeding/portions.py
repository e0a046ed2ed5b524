"""The lines of a file or of a stream, in portions: a stream's as they come, so that none waits for what follows.

Owns the thread that waits for a stream; what a line means is read in `pipeline/feeding/lines.py`.
"""

from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from threading import Semaphore, Thread

from pipeline.feeding.bounded import split_lines
from pipeline.feeding.lines import Format, Line, read_lines

#: Of a file: small enough to show progress.
PORTION_LINES = 500
#: And no more than that of long lines.
PORTION_BYTES = 4 << 20
#: What a pipe holds on Linux: more never lies there.
READ_BYTES = 1 << 16
#: Portions that are read ahead of their sending: a megabyte.
AHEAD = 16

#: A portion, the end (None), or why there is no more.
_Handed = list[Line] | Exception | None


async def read_portions(lines: Iterable[bytes], form: Format) -> AsyncIterator[list[Line]]:
    """All lines in their order. An empty portion: no more is there now. Raises UnreadableError as `read_lines` does."""
    if isinstance(lines, io.BufferedReader) and _is_stream(lines):
        async for handed in _of_stream(lines, form):
            yield handed
        return
    portion: list[Line] = []
    size = 0
    for line in read_lines(lines, form):
        portion.append(line)
        size += len(line.raw)
        if len(portion) == PORTION_LINES or size > PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _is_stream(file: io.BufferedReader) -> bool:
    """Whether reading may wait for somebody: a pipe, a terminal, a socket."""
    try:
        return not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except OSError:  # no file of the system's
        return False


async def _of_stream(file: io.BufferedReader, form: Format) -> AsyncIterator[list[Line]]:
    loop = asyncio.get_running_loop()
    portions: asyncio.Queue[_Handed] = asyncio.Queue()
    room = Semaphore(AHEAD)

    def hand_over(portion: _Handed) -> None:
        room.acquire()
        try:
            loop.call_soon_threadsafe(portions.put_nowait, portion)
        except RuntimeError:  # the loop is closed: nobody takes them any more
            raise SystemExit from None

    # A daemon: nothing wakes a thread that waits for a pipe, and the process need not wait for it.
    Thread(target=_read, args=(file, form, hand_over), name="feed", daemon=True).start()
    while True:
        await asyncio.sleep(0)  # what was handed over meanwhile
        if portions.empty():
            yield []
        portion = await portions.get()
        room.release()
        if portion is None:
            return
        if isinstance(portion, Exception):
            raise portion
        yield portion


def _read(file: io.BufferedReader, form: Format, hand_over: Callable[[_Handed], None]) -> None:
    """In the thread: hand over what there is each time before waiting for more."""
    portion: list[Line] = []

    def before_waiting() -> None:
        nonlocal portion
        if portion:
            hand_over(portion)
            portion = []

    try:
        for line in read_lines(split_lines(_chunks_of(file, before_waiting)), form):
            portion.append(line)  # noqa: PERF402 - handed over in between
        before_waiting()
    except Exception as error:  # raised again where the portions are taken
        hand_over(error)
    else:
        hand_over(None)


def _chunks_of(file: io.BufferedReader, before_waiting: Callable[[], None]) -> Iterator[bytes]:
    """What there is, each time. Read past the file's buffer: its lock would be held while the thread waits, and the
    process could neither close it nor end."""
    chunk = file.read(len(file.peek(1)))  # what was peeked at lies in the buffer
    while chunk:
        yield chunk
        before_waiting()
        chunk = os.read(file.fileno(), READ_BYTES)
