"""Deliveries as somebody hostile would make them of real ones: every part replaced by what nobody expects there.

Of the headers those that say what a delivery is; signatures and tokens are put on afterwards, and rightly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

from pipeline.sources.http_file import read_http
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
#: Twice the limit. What is longer is refused by its head all the same, and costs the sender alone: in these tests the
#: sender and the gateway have one loop.
LONGEST = 8_000_000
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
#: Values of headers; percent signs are escapes in those of CloudEvents. What no client can send at all is not here.
HEADERS = (
    *(
        "",
        "%",
        "%00",
        "%zz",
        "%ff%fe",
        "%ED%A0%80",
        "%0d%0aX: y",
        "%25%32%35",
        "%41" * 1_500,
        '"',
        '"1.0"',
        "\xe9\xff",
        "a\tb",
    ),
    *("1.0", "0.3", "1", "ping", "post_destroyed", "post_liked", "interaction.like.added", "interaction.totals.added"),
    *(
        "/platforms/x/accounts/1",
        "/platforms/%2F/accounts/%00",
        "/platforms//accounts/",
        "/platforms/a/accounts/" * 300,
    ),
    *("https://[", "https://forum.example/", "tw:{1}:applied", "}{", "x" * 1_025, "é" * 200, "2026-13-45T99:99:99Z"),
    *("9999-12-31T23:59:59-23:59", "Mon, 31 Feb 2026 99:00:00 GMT", "text/plain", "application/json; charset=utf-16"),
    *("application/cloudevents+json", "application/cloudevents-batch+json", "+json", ";", "application/json,text/xml"),
)
#: Put on where they were not.
ADDED = (
    *(
        "ce-specversion",
        "ce-type",
        "ce-source",
        "ce-subject",
        "ce-time",
        "ce-data",
        "ce-data_base64",
        "ce-",
        "ce-a.b!",
    ),
    *("x-discourse-event", "x-discourse-instance", "x-discourse-event-type", "date", "content-type", "x-gitlab-event"),
)
#: Those of a platform that say what its delivery is.
_TELLING = re.compile(r"(ce|x-discourse|x-gitlab-event|webhook-request)-?.*|content-type|date", re.IGNORECASE)
_PLACE = "@hostile@"
ALL = cases()


class Hostile(NamedTuple):
    """A delivery: the case that it was made of, its body, and its headers, of which some may stand twice."""

    case: Case
    body: bytes
    headers: tuple[tuple[str, str], ...]


def sent(case: Case) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Headers that tell what it is, and body, as the platform sends them."""
    if case.file.suffix == ".http":
        request = read_http(case.file.read_bytes())
        return tuple((name, value) for name, value in request.headers.items() if _TELLING.fullmatch(name)), request.body
    headers = {**case.expected["headers"], "Content-Type": case.expected["content_type"]}
    return tuple(headers.items()), case.file.read_bytes()


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
def hostile_headers(draw: st.DrawFn, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The headers with one to three of them replaced, left out, given twice or put on."""
    changed = list(headers)
    for _ in range(draw(st.integers(1, 3))):
        how = draw(st.sampled_from(("replace", "replace", "replace", "drop", "twice", "add")))
        value = draw(st.sampled_from(HEADERS))
        if how == "add" or not changed:
            changed.append((draw(st.sampled_from(ADDED)), value))
            continue
        at = draw(st.integers(0, len(changed) - 1))
        if how == "drop":
            del changed[at]
        elif how == "twice":
            changed.append((changed[at][0], value))
        else:
            changed[at] = (changed[at][0], value)
    return tuple(changed)


@st.composite
def hostile_deliveries(draw: st.DrawFn, tokens: tuple[str, ...] = TOKENS) -> Hostile:
    """A case of the corpus with a body that was made of its own, with other headers, or both."""
    case = draw(st.sampled_from(ALL))
    headers, body = sent(case)
    what = draw(st.sampled_from(("body", "body", "headers", "both")))
    if what != "body":
        headers = draw(hostile_headers(headers))
    if what == "headers":
        return Hostile(case, body, headers)
    if case.file.suffix in {".json", ".http"} and draw(st.integers(0, 3)):
        return Hostile(case, draw(json_bodies(body, tokens).filter(lambda made: len(made) <= LONGEST)), headers)
    return Hostile(case, draw(broken_bytes(body)), headers)
