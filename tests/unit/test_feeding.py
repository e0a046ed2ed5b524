"""Lines of a file: which are interactions, which are refused and why, and what pseudonyms change."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from pipeline.errors import UnreadableError
from pipeline.feeding.feed import check_line, pseudonymise
from pipeline.feeding.lines import Line, read_lines
from schemas.interaction import encode_interaction
from tests.factories import NOON_MS, make_interaction

HEADER = b"platform,account,kind,action,post,id,time_ms,own,text\n"
LIKE = encode_interaction(make_interaction())


def outcomes(*lines: bytes) -> list[tuple[int, str]]:
    """Line numbers with `ok` or the reason of the refusal."""
    return [(line.number, line.reason or "ok") for line in read_lines(lines)]


def shown(platform: str, actor: str) -> str:
    return f"<{platform}.{actor}>"


def test_json_lines_are_read_and_blank_ones_are_nothing() -> None:
    assert outcomes(b"\n", LIKE + b"\n", b"  \r\n", LIKE) == [(2, "ok"), (4, "ok")]


def test_bad_json_lines_do_not_spoil_the_others() -> None:
    lines = (LIKE, b"{", b'{"id":"\xff"}', b'{"kind":"like"}', b'{"x":' + b"[" * 100_000, LIKE)
    assert outcomes(*lines) == [
        (1, "ok"),
        (2, "not_json"),
        (3, "not_json"),
        (4, "schema"),
        (5, "not_json"),
        (6, "ok"),
    ]


def test_csv_is_read_by_the_names_of_its_first_line() -> None:
    """Empty cells are absent; numbers and truth values are read from their text; a cell may hold commas and breaks."""
    row = f'facebook,a1,comment,add,p1,c1,{NOON_MS},true,"red, or\nblue?"\n'.encode()
    [line] = read_lines([HEADER, *row.splitlines(keepends=True)])
    assert line.interaction == make_interaction(kind="comment", id="c1", actor=None, own=True, text="red, or\nblue?")


def test_csv_lines_are_refused_one_by_one() -> None:
    good = f"facebook,a1,like,add,p1,i1,{NOON_MS},,\n".encode()
    assert outcomes(
        HEADER,
        good,
        b"facebook,a1,like,add,p1,i1,noon,,\n",
        b"facebook,a1,poke,add,p1,i1,5,,\n",
        good.replace(b"i1", b"\xff"),
        good.replace(b",,\n", b",,,,,\n"),
        good,
    ) == [(2, "ok"), (3, "schema"), (4, "schema"), (5, "not_utf8"), (6, "not_csv"), (7, "ok")]


def test_csv_without_a_needed_column_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableError, match="lacks action, time_ms"):
        list(read_lines([b"platform,account,kind,post,id\n", b"x,y,like,p,i\n"]))


def test_byte_order_mark_is_no_part_of_a_name() -> None:
    assert outcomes(b"\xef\xbb\xbf" + LIKE) == [(1, "ok")]
    assert outcomes(b"\xef\xbb\xbf" + HEADER, f"x,a,like,add,p,i,{NOON_MS},,\n".encode()) == [(2, "ok")]


def test_empty_file_has_no_lines(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open("rb") as lines:
        assert list(read_lines(lines)) == []


def test_actor_becomes_a_pseudonym_also_in_the_id_of_a_like() -> None:
    like = pseudonymise(make_interaction(actor="u1", id="whatever"), shown)
    assert (like.actor, like.id) == ("<facebook.u1>", "p1/<facebook.u1>")
    comment = pseudonymise(make_interaction(kind="comment", actor="u1", id="c1"), shown)
    assert (comment.actor, comment.id) == ("<facebook.u1>", "c1")
    hidden = make_interaction(actor=None, id="like7")
    assert pseudonymise(hidden, shown) == hidden


def test_like_whose_id_becomes_too_long_is_refused() -> None:
    like = make_interaction(post="p" * 1020, id="i")
    assert check_line(Line(1, b"", like), NOON_MS, shown).reason == "schema"


def test_line_in_the_future_is_refused() -> None:
    """A worker would reject it as soon as it is sent."""
    line = Line(1, b"", make_interaction())
    assert check_line(line, NOON_MS, None).interaction is not None
    assert check_line(line, NOON_MS - 1, None).reason == "time_in_future"


def test_refused_csv_line_is_kept_as_json() -> None:
    """`twoway replay` reads it as it reads every other record."""
    [line] = read_lines([HEADER, b"facebook,a1,poke,add,p1,i1,5,,\n"])
    assert orjson.loads(line.raw)["kind"] == "poke"
