"""Lines of a file that have no end: they are refused, cost no memory, and those behind them are read."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.errors import UnreadableError
from pipeline.feeding.bounded import KEPT_BYTES, LONGEST_LINE_BYTES, bounded_lines, split_lines
from pipeline.feeding.lines import read_lines
from pipeline.feeding.portions import PORTION_BYTES, read_portions
from schemas.interaction import LONGEST_TEXT, encode_interaction
from tests.factories import make_interaction

LIKE = encode_interaction(make_interaction()) + b"\n"
HEADER = b"platform,account,kind,action,post,id,time_ms,text\n"
ROW = b"shop,b,comment,add,p,c1,5,x\n"
LONGER = b"x" * (LONGEST_LINE_BYTES + 1)


def outcomes(lines: Iterable[bytes]) -> list[tuple[int, str]]:
    """Line numbers with `ok` or the reason of the refusal."""
    return [(line.number, line.reason or "ok") for line in read_lines(lines)]


def test_a_gzipped_line_of_200_megabytes_is_refused_in_a_few() -> None:
    """The file has 194 kB; it took 400 MB."""
    packed = io.BytesIO()
    with gzip.open(packed, "wb") as file:
        file.write(LIKE + b'{"a":"')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + LIKE)
    packed.seek(0)
    tracemalloc.start()
    try:
        read = outcomes(gzip.GzipFile(fileobj=packed))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == [(1, "ok"), (2, "too_long"), (3, "ok")]
    assert peak_bytes < 8_000_000


def test_a_line_that_is_too_long_is_told_with_what_is_expected() -> None:
    """Its bytes are not kept: a part of them would be another line."""
    [line] = read_lines([b'{"a":"' + LONGER])
    assert line.detail == "the line has more than 1,048,576 bytes; expected 1,048,576 at the most"
    assert line.raw == b""


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_of_the_greatest_length_is_read_whatever_ends_it(end: bytes) -> None:
    line = LIKE.strip().ljust(LONGEST_LINE_BYTES) + end
    assert outcomes(io.BufferedReader(io.BytesIO(line))) == [(1, "ok")]
    assert outcomes(split_lines([line[:5], line[5:]])) == [(1, "ok")]


@pytest.mark.parametrize("rest", [b"x", b"\rx", b"\r\rx"])
def test_what_follows_the_greatest_length_is_never_passed_over(rest: bytes) -> None:
    """Blanks up to there are no blank line."""
    line = b"{}".ljust(LONGEST_LINE_BYTES) + rest + b"\n"
    for lines in (io.BufferedReader(io.BytesIO(line + LIKE)), split_lines([line + LIKE]), [line, LIKE]):
        assert outcomes(lines) == [(1, "too_long"), (2, "ok")]
    blank = b" " * LONGEST_LINE_BYTES + rest + b"\n"
    assert outcomes(io.BufferedReader(io.BytesIO(LIKE + blank + LIKE))) == [(1, "ok"), (2, "too_long"), (3, "ok")]


def test_the_longest_interaction_is_not_too_long() -> None:
    """Every character written as an escape of 12 bytes."""
    words = b"\\ud83d\\ude00" * LONGEST_TEXT
    line = b'{"platform":"x","account":"a","kind":"comment","action":"add","post":"p","id":"c","time_ms":5,"text":"%s"}'
    assert outcomes([line % words]) == [(1, "ok")]


def test_csv_rows_that_are_too_long_spoil_no_others() -> None:
    """One line, or a row over many; lines are counted on, blank ones too."""
    many = b"".join([b'shop,b,comment,add,p,c1,5,"', *[b'a\n","b' + b"x" * 10_000] * 150, b'"\n'])
    lines = HEADER + b"\n" + ROW + LONGER + b"\n" + ROW + b'"' + LONGER + b"\n" + ROW + many
    read = outcomes(io.BufferedReader(io.BytesIO(lines)))
    assert read[:5] == [(3, "ok"), (4, "too_long"), (5, "ok"), (6, "too_long"), (7, "ok")]
    assert read[5] == (8, "too_long")
    assert all(reason != "ok" for _, reason in read[6:])


def test_a_csv_header_that_is_too_long_is_refused() -> None:
    with pytest.raises(UnreadableError, match=r"first line: the line has more than 1,048,576 bytes"):
        outcomes([LONGER, ROW])


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_a_stream_in_chunks_gives_the_lines_of_a_file(size: int) -> None:
    whole = b"a\n\nbb\n" + b"c" * 20_000 + b"\nd"
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert list(split_lines(chunks)) == list(bounded_lines(io.BufferedReader(io.BytesIO(whole))))


def test_of_a_stream_no_more_than_a_line_is_kept() -> None:
    """However long its line becomes."""
    assert [len(line) for line in split_lines([b"x" * 65_536] * 40)] == [KEPT_BYTES]


async def test_a_portion_of_long_lines_is_short(tmp_path: Path) -> None:
    """500 of them would take half a gigabyte."""
    (tmp_path / "long.jsonl").write_bytes((LIKE.strip().ljust(1_000_000) + b"x\n") * 12)
    with (tmp_path / "long.jsonl").open("rb") as file:
        sizes = [sum(len(line.raw) for line in portion) async for portion in read_portions(file, "auto")]
    assert len(sizes) > 1
    assert max(sizes) <= PORTION_BYTES + LONGEST_LINE_BYTES
