"""Lines of a file: which are interactions, which are refused and why, and what pseudonyms change."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from pipeline.errors import UnreadableError
from pipeline.feeding.feed import check_line, pseudonymise, refuse_old
from pipeline.feeding.lines import Line, decode_line, read_lines
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


@pytest.mark.parametrize("value", [b"1e999", b"9" * 5_000, b'"\xff"'])
def test_a_line_is_sent_whatever_a_field_holds_that_no_interaction_has(value: bytes) -> None:
    """Also where fields have to be derived. It ended the command, and the lines behind it were never looked at."""
    hostile = LIKE.replace(b"}", b',"zz":' + value + b"}")
    derived = b'{"platform":"x","account":"a","kind":"like","action":"add","post":"p","actor":"ann","time_ms":5,"zz":'
    lines = list(read_lines([LIKE, hostile, derived + value + b"}", LIKE]))
    ids = [line.interaction.id for line in lines if line.interaction]
    assert ids == ["p1/u1", "p1/u1", "p/ann", "p1/u1"]
    assert [line.unknown for line in lines] == [(), ("zz",), ("zz",), ()]


def test_a_line_whose_fields_cannot_be_named_is_refused() -> None:
    """Their name is no text."""
    assert outcomes(LIKE.replace(b"}", b',"\xff":1}'), LIKE) == [(1, "not_json"), (2, "ok")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"time_ms":1e999,"id":"i"}', "`time_ms` is 1e999; expected a whole number from 0 to 253402300799999"),
        (b"[1e999]", "the line is [1e999]; expected an object with the fields of an interaction"),
        (b'{"id":%s}' % (b"9" * 5_000), "`id` is 9999"),
    ],
)
def test_a_number_that_nobody_can_read_is_told_as_it_stands(line: bytes, said: str) -> None:
    assert decode_line(1, line).reason == "schema"
    assert decode_line(1, line).detail.startswith(said)


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


def test_csv_whose_first_line_names_a_field_twice_or_is_no_csv_is_refused() -> None:
    """Which of the two columns would count?"""
    with pytest.raises(UnreadableError, match="names 'actor' twice"):
        list(read_lines([HEADER.replace(b",own,text", b",actor,actor"), b"x\n"]))
    with pytest.raises(UnreadableError, match="first line is no CSV"):
        list(read_lines([b'platform,"account"x\n']))


@pytest.mark.parametrize(
    ("cell", "own"), [(b"TRUE", True), (b"yes", True), (b"1", True), (b"False", False), (b"No ", False), (b"0", False)]
)
def test_truth_in_csv_may_be_spelt_as_usual(cell: bytes, own: bool) -> None:
    [line] = read_lines([HEADER, b"x,a,comment,add,p,c,5," + cell + b",\n"])
    assert line.interaction is not None
    assert line.interaction.own is own


def test_another_spelling_is_refused_with_the_usual_ones() -> None:
    [line] = read_lines([HEADER, b"x,a,comment,add,p,c,5,ours,\n"])
    assert (line.reason, line.detail) == ("schema", "`own` is 'ours'; expected true or false, yes or no, 1 or 0")


@pytest.mark.parametrize(
    ("row", "post", "id_"),
    [
        ("like,add,p1,,u1,,", "p1", "p1/u1"),
        ("like,remove,p1,,u1,,", "p1", "p1/u1"),
        ("like,add,p1,l7,u1,,", "p1", "l7"),
        ("post,add,p1,,,,", "p1", "p1"),
        ("post,edit,,p1,,,", "p1", "p1"),
        ("totals,add,p1,,,50,", "p1", "p1"),
        ("totals,add,,,,,50", None, "a1"),
    ],
)
def test_what_follows_from_the_other_fields_may_be_left_out(row: str, post: str | None, id_: str) -> None:
    """A like is one a person and post, a post its own object, totals are those of their post or account."""
    names = "kind,action,post,id,actor,likes,followers"
    [line] = read_lines([f"platform,account,time_ms,{names}\n".encode(), f"x,a1,5,{row}\n".encode()])
    cells = dict(zip(names.split(","), row.split(","), strict=True))
    fields = {"platform": "x", "account": "a1", "time_ms": 5} | {name: cell for name, cell in cells.items() if cell}
    fields |= {name: 50 for name in ("likes", "followers") if name in fields}
    [same] = read_lines([orjson.dumps(fields)])
    assert line.interaction is not None
    assert line.interaction == same.interaction
    assert (line.interaction.post, line.interaction.id) == (post, id_)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "like"}, "a like needs an `id`, or an `actor`: then its `id` is `post`/`actor`"),
        ({"kind": "comment", "actor": "u1", "id": None}, "a comment needs its own `id`"),
        ({"kind": "share", "actor": "u1"}, "a share needs its own `id`: a person may share twice"),
        ({"kind": "post", "post": None}, "a post needs a `post` or an `id`: they are the same"),
        (
            {"kind": "like", "actor": "u" * 1024},
            "`id` has 1,027 characters; expected a string of 1 to 1,024 characters",
        ),
        ({"kind": ["like"]}, '`kind` is ["like"]; expected one of like, comment, share, post, totals'),
        ({"kind": "like", "actor": 7}, "`actor` is 7; expected a string of 1 to 1,024 characters"),
    ],
)
def test_an_id_that_does_not_follow_is_asked_for(fields: dict[str, object], said: str) -> None:
    basis: dict[str, object] = {"platform": "x", "account": "a1", "action": "add", "post": "p1", "time_ms": 5}
    [line] = read_lines([orjson.dumps(basis | fields)])
    assert (line.reason, line.detail) == ("schema", said)


OF_A_POST = "totals of a `post` need `likes`, `comments` or `shares`"
OF_AN_ACCOUNT = "totals without a `post` are the account's: they need `followers`"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p1,,", OF_A_POST),
        ("p1,,50", OF_A_POST),
        (",,", OF_AN_ACCOUNT),
        (",50,", OF_AN_ACCOUNT),
    ],
)
def test_totals_that_would_count_nowhere_are_refused(row: str, said: str) -> None:
    """Followers of a post, likes of an account, or no number at all; the same in both forms."""
    [line] = read_lines(
        [b"platform,account,kind,action,time_ms,post,likes,followers\n", f"x,a1,totals,add,5,{row}\n".encode()]
    )
    cells = dict(zip(("post", "likes", "followers"), row.split(","), strict=True))
    fields = {"platform": "x", "account": "a1", "kind": "totals", "action": "add", "time_ms": 5}
    fields |= {name: cell if name == "post" else int(cell) for name, cell in cells.items() if cell}
    [same] = read_lines([orjson.dumps(fields)])
    whole = decode_line(1, orjson.dumps(fields | {"id": fields.get("post", "a1")}))
    assert [(one.reason, one.detail) for one in (line, same, whole)] == [("schema", said)] * 3


@pytest.mark.parametrize("action", ["edit", "remove"])
def test_totals_are_only_added(action: str) -> None:
    """A removal of totals would set them."""
    line = decode_line(7, encode_interaction(make_interaction(kind="totals", action=action, likes=9)))
    refused = check_line(line, NOON_MS, None)
    said = f"`action` is '{action}'; expected add: totals are absolute, the newest stand"
    assert (refused.number, refused.interaction, refused.reason, refused.detail) == (7, None, "schema", said)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "liek"}, "`kind` is 'liek'; expected one of like, comment, share, post, totals"),
        ({"action": None}, "`action` is null; expected one of add, edit, remove"),
        ({"media": "gif"}, "`media` is 'gif'; expected one of text, image, video, album, link, audio, poll, other"),
        ({"time_ms": "noon"}, "`time_ms` is 'noon'; expected a whole number from 0 to 253402300799999"),
        ({"time_ms": 1.5}, "`time_ms` is 1.5; expected a whole number from 0 to 253402300799999"),
        ({"likes": -1}, "`likes` is -1; expected a whole number from 0 to 9007199254740991"),
        ({"questions": "no"}, "`questions` is 'no'; expected true or false"),
        ({"platform": "My Shop"}, "`platform` is 'My Shop'; expected a slug of 1 to 32 characters a-z, 0-9 and -"),
        ({"platform": 7}, "`platform` is 7; expected a slug of 1 to 32 characters a-z, 0-9 and -"),
        ({"account": "ü" * 200}, "`account` has 400 bytes; expected 256 at the most"),
        ({"text": "a word " * 10_000}, "`text` has 70,000 characters; expected a string of 0 to 65,536 characters"),
    ],
)
def test_a_refused_field_is_told_with_its_value_and_what_is_expected(fields: dict[str, object], said: str) -> None:
    """Of a value that is too long its length: a text is nothing for a terminal."""
    [line] = read_lines([orjson.dumps(orjson.loads(LIKE) | fields)])
    assert (line.reason, line.detail) == ("schema", said)


def test_a_cell_is_told_as_it_stands_in_the_file() -> None:
    """And a row or a line of another shape with what it has."""
    header = b"platform,account,kind,action,post,id,time_ms,media\n"
    lines = [
        header,
        b"x,a,like,add,p,i,noon,\n",
        b"x,,like,add,p,i,5,\n",
        b"x,a,like,add,p,i,5,,,\n",
        b"x,\xff,like,add,p,i,5,\n",
    ]
    assert [line.detail for line in read_lines(lines)] == [
        "`time_ms` is 'noon'; expected a whole number from 0 to 253402300799999",
        "`account` is missing; expected a string of 1 to 256 characters",
        "10 cells; expected 8, as the first line has names",
        "bytes that are no UTF-8; expected a file of UTF-8 text",
    ]
    details = [line.detail for line in read_lines([b"[1]", b"7"], "jsonl")]
    assert details == [f"the line is {it}; expected an object with the fields of an interaction" for it in ("[1]", "7")]


def test_fields_that_no_interaction_has_are_named() -> None:
    """In CSV those of the first line; in JSON those of the line."""
    [line] = read_lines([HEADER.replace(b"text", b"colour,likez"), b"x,a,like,add,p,l,5,,red,\n"])
    assert line.interaction is not None
    assert line.unknown == ("colour", "likez")
    [one, two] = read_lines([LIKE, LIKE[:-1] + b',"colour":"red"}'])
    assert (one.unknown, two.unknown) == ((), ("colour",))


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
    refused = check_line(Line(1, b"", like), NOON_MS, shown)
    assert (refused.reason, refused.detail) == (
        "schema",
        "`post` is too long for the like's `id`, `post`/pseudonym; expected an `id` of 1 to 1,024 characters",
    )


def test_line_in_the_future_is_refused() -> None:
    """A worker would reject it as soon as it is sent."""
    line = Line(1, b"", make_interaction())
    assert check_line(line, NOON_MS, None).interaction is not None
    refused = check_line(line, NOON_MS - 1, None)
    assert (refused.reason, refused.detail) == (
        "time_in_future",
        f"`time_ms` is {NOON_MS}, which is 2026-11-23; expected {NOON_MS - 1} at the most, "
        "TWOWAY_FUTURE_LIMIT_S from now",
    )


@pytest.mark.parametrize(
    ("time_ms", "said"),
    [
        (1_795_425_840, "1795425840, which is 1970-01-21; expected milliseconds since 1970 (seconds?), or --old-times"),
        (946_684_799_999, "946684799999, which is 1999-12-31; expected 2000-01-01 or later, or --old-times"),
        (0, "0, which is 1970-01-01; expected 2000-01-01 or later, or --old-times"),
    ],
)
def test_a_time_before_2000_is_refused_with_what_it_most_likely_is(time_ms: int, said: str) -> None:
    """Seconds would be counted in a window of 1970, where nobody looks for them."""
    refused = refuse_old(Line(1, b"", make_interaction(time_ms=time_ms)), NOON_MS)
    assert (refused.reason, refused.detail) == ("time_too_old", f"`time_ms` is {said}")
    line = Line(1, b"", make_interaction(time_ms=946_684_800_000))
    assert refuse_old(line, NOON_MS) == line


def test_refused_csv_line_is_kept_as_json() -> None:
    """`twoway replay` reads it as it reads every other record."""
    [line] = read_lines([HEADER, b"facebook,a1,poke,add,p1,i1,5,,\n"])
    assert orjson.loads(line.raw)["kind"] == "poke"


def test_csv_line_that_lay_in_the_future_is_an_interaction_once_it_is_kept() -> None:
    """Its numbers and truth values are numbers and truth values again, also where cells were left out."""
    [line] = read_lines([HEADER, b"x,a,post,add,p1,,5,yes,\n"])
    kept = check_line(line, 4, shown)
    assert kept.reason == "time_in_future"
    assert decode_line(0, kept.raw).interaction == line.interaction
