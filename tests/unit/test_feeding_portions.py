"""Lines of a stream in portions: what is there is given before the next is waited for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from io import BufferedReader
from pathlib import Path

import pytest

from pipeline.errors import UnreadableError
from pipeline.feeding.portions import PORTION_LINES, read_portions
from schemas.interaction import encode_interaction
from tests.factories import make_interaction

LIKE = encode_interaction(make_interaction()) + b"\n"
WAIT_S = 10


@contextmanager
def pipe() -> Iterator[tuple[BufferedReader, int]]:
    """The end to read and the end to write."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        try:
            yield reader, write
        finally:
            with suppress(OSError):  # the test may have closed it
                os.close(write)


async def test_a_line_is_given_while_the_pipe_stays_open() -> None:
    """Before the next is waited for an empty portion says so; half a line waits for its other half."""
    with pipe() as (reader, write):
        async with aclosing(read_portions(reader, "auto")) as portions:
            given = []
            for written in (LIKE, LIKE[:40], LIKE[40:] + LIKE):
                os.write(write, written)
                if written != LIKE[:40]:
                    async with asyncio.timeout(WAIT_S):
                        while not (portion := await anext(portions)):
                            pass
                        given += [line.number for line in portion if line.interaction]
                        assert await anext(portions) == []
            assert given == [1, 2, 3]
            os.close(write)
            assert [portion async for portion in portions if portion] == []


async def test_a_pipe_gives_what_a_file_gives(tmp_path: Path) -> None:
    """A CSV with a row over two lines, one that is refused, and a last line without its end; more than a pipe holds."""
    head = b"platform,account,kind,action,post,id,time_ms,text\n"
    rows = b"".join(b'shop,b,comment,add,p,c%d,5,"two\nlines"\n' % number for number in range(5_000))
    whole = head + rows + b"shop,b,comment,add,p,,5,x\nshop,b,comment,add,p,last,5,x"
    (tmp_path / "whole.csv").write_bytes(whole)
    with (
        pipe() as (reader, write),
        os.fdopen(os.dup(write), "wb") as writer,
        (tmp_path / "whole.csv").open("rb") as file,
    ):
        os.close(write)
        writing = asyncio.create_task(asyncio.to_thread(lambda: (writer.write(whole), writer.close())))
        of_pipe = [portion async for portion in read_portions(reader, "auto")]
        of_file = [portion async for portion in read_portions(file, "auto")]
        await writing
    assert [line for portion in of_pipe for line in portion] == [line for portion in of_file for line in portion]
    assert [len(portion) for portion in of_file] == [PORTION_LINES] * 10 + [2]


async def test_a_pipe_whose_header_lacks_a_field_is_refused_at_once() -> None:
    """Though it stays open."""
    with pipe() as (reader, write):
        os.write(write, b"platform,account\n")
        with pytest.raises(UnreadableError, match="lacks kind"):
            async with asyncio.timeout(WAIT_S):
                [portion async for portion in read_portions(reader, "auto")]
