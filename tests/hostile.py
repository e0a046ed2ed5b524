"""Deliveries as somebody hostile would make them of real ones: every part replaced by what nobody expects there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from tests.contract.corpus import Case, cases

#: JSON as it is written, so that it can be what no encoder would write.
TOKENS = (
    *("null", "true", "{}", "[]", '""', "-1", "0.5", "1e308", "-0", "[[[1]]]", '{"id":{"id":{"id":1}}}'),
    *("9" * 19, "9" * 30, "9" * 4_000, "-" + "9" * 400, "1" + "0" * 17 + ".5"),
    *(r'"\ud800"', r'"a\ude00b"', r'"\u0000"', r'"a\u0000b"', r'"\u202e\u2066"', r'"\\\ud83d"', '"\x7f"', '"  "'),
    *(
        '"{0}:x"',
        '"tw:{1}:applied"',
        '"}{"',
        '":"',
        '"a:b:c"',
        '"%7B0%7D"',
        '"*"',
        r'"a\nb\r\nc"',
        '"a|b"',
        '"../../x"',
    ),
    *('"https://["', '"https://a@b/"', '"http://x:99999999/"', '"at://did:x/app.bsky.feed.post/"', '"urn:li:like:(,)"'),
    *('"urn:li:comment:(activity:1,2)"', '"did:plc:x"', '"2026-13-45T99:99:99Z"', '"0001-01-01T00:00:00+23:59"'),
    *('"9999-12-31T23:59:59-23:59"', '"Mon Feb 31 16:33:26 +0000 2018"', "253402300799999", "253402300800000"),
    json.dumps("x" * 1_025),
    json.dumps("é" * 200),
    json.dumps("<p>" * 2_000),
    "[" * 900 + "]" * 900,
    '{"a":' * 900 + "1" + "}" * 900,
)
#: As rare as they are expensive.
LARGE = (
    json.dumps("x" * 1_000_000),
    "[" * 5_000 + "]" * 5_000,
    "[" + "{}," * 50_000 + "{}]",
    "[" + "0," * 120_000 + "0]",
)
CHARSETS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "cp037")
_BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
XML = (
    _BOMB + "<x>&b;</x>",
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><x>&f;</x>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
    '<?xml version="1.0" encoding="utf-7"?><feed xmlns="http://www.w3.org/2005/Atom"/>',
    '<?xml version="1.0" encoding="nonsense"?><feed xmlns="http://www.w3.org/2005/Atom"/>',
    '<feed xmlns="http://www.w3.org/2005/Atom">' + "<entry>" * 2_000 + "</entry>" * 2_000 + "</feed>",
    '<feed xmlns="http://www.w3.org/2005/Atom">' + "<entry/>" * 3_000 + "</feed>",
    '<feed xmlns="http://www.w3.org/2005/Atom"><entry ' + " ".join(f"a{n}='x'" for n in range(3_000)) + "/></feed>",
)
FORMS = (
    "hook=comment_post&" + "a=b&" * 600,
    "hook=%",
    "hook=%00&hook=x",
    "hook=comment_post&comment_ID=%ED%A0%80",
    "&&&=",
)
_PLACE = "@hostile@"
ALL = [case for case in cases() if case.file.suffix != ".http"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key)
        yield from places(child, (*path, key))


def put(value: Any, path: tuple[Any, ...], change: Callable[[dict[Any, Any] | list[Any], Any], None]) -> Any:
    """A copy of the value in which the holder of one place was changed."""
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        change(copy, path[0])
    else:
        copy[path[0]] = put(value[path[0]], path[1:], change)
    return copy


@st.composite
def json_bodies(draw: st.DrawFn, body: bytes, tokens: tuple[str, ...]) -> bytes:
    """The JSON with one to three of its values replaced, left out or given twice."""
    value = json.loads(body)
    written: list[str] = []

    def change(holder: dict[Any, Any] | list[Any], key: Any) -> None:
        how = draw(st.sampled_from(("replace", "replace", "replace", "twice", "drop", "repeat")))
        if how == "drop":
            del holder[key]
            return
        written.append(draw(st.sampled_from(tokens)))
        if isinstance(holder, dict) and how == "twice":
            holder[f"{_PLACE}{key}"] = f"{_PLACE}{len(written) - 1}{_PLACE}"
        elif isinstance(holder, list) and how == "repeat":
            holder += [holder[key]] * 50
        else:
            holder[key] = f"{_PLACE}{len(written) - 1}{_PLACE}"

    for _ in range(draw(st.integers(1, 3))):
        found = list(places(value))
        if found:
            value = put(value, draw(st.sampled_from(found)), change)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    text = re.sub(rf'"{_PLACE}(\d+){_PLACE}"', lambda place: written[int(place[1])], text)
    return text.replace(_PLACE, "").encode()


@st.composite
def broken_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    """The bytes cut off, in another charset, with something put into them, or something else altogether."""
    how = draw(st.sampled_from(("cut", "charset", "insert", "nothing", "random", "xml", "form", "bom")))
    cut = draw(st.integers(0, len(body)))
    others = {
        "cut": st.just(body[:cut]),
        "charset": st.sampled_from(CHARSETS).map(lambda name: body.decode(errors="replace").encode(name, "replace")),
        "insert": st.binary(min_size=1, max_size=8).map(lambda junk: body[:cut] + junk + body[cut:]),
        "nothing": st.just(b""),
        "random": st.binary(max_size=200),
        "xml": st.sampled_from(XML).map(str.encode),
        "form": st.sampled_from(FORMS).map(str.encode),
        "bom": st.just(b"\xef\xbb\xbf" + body),
    }
    return draw(others[how])


@st.composite
def hostile_deliveries(draw: st.DrawFn, tokens: tuple[str, ...] = TOKENS) -> tuple[Case, bytes]:
    """A case of the corpus, and a body that was made of its own."""
    case = draw(st.sampled_from(ALL))
    body = case.file.read_bytes()
    if case.file.suffix == ".json" and draw(st.integers(0, 3)):
        return case, draw(json_bodies(body, tokens))
    return case, draw(broken_bytes(body))
